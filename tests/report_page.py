"""A page of the report as tests read it: tags, ids, references, text, and its sections."""

from html.parser import HTMLParser

VOID = {"meta", "link", "br", "use", "path", "img"}


class Page(HTMLParser):
    """Tags, ids, references and text of a page; fails on tags that do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._space(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src", "xlink:href", "action", "data"):
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def _space(self, tag: str) -> None:
        """Every tag parts words, but that of a number."""
        self.words.append("" if tag == "data" else " ")

    def handle_endtag(self, tag: str) -> None:
        self._space(tag)
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def section(text: str, name: str) -> Page:
    """One section of a page."""
    start = text.index(f'<section id="{name}">')
    return Page(text[start : text.index("</section>", start)] + "</section>")
