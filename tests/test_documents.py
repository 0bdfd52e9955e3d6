"""Documents that repeat a list keep up with it."""

import re
from pathlib import Path

import yaml

TOP = Path(__file__).parents[1]


def deviations() -> set[str]:
    return set(re.findall(r"^## ([a-z0-9-]+):", (TOP / "docs/deviations.md").read_text(), re.MULTILINE))


def test_the_checklist_asks_about_every_deviation() -> None:
    text = (TOP / "docs/paper-checklist.md").read_text()
    asked = re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE)
    ours = re.findall(r"`([a-z0-9-]+)`", text.rpartition("no question to the paper:")[2])
    assert len(asked) == len(set(asked))
    assert set(asked) | set(ours) == deviations()
    assert not set(asked) & set(ours)


def test_the_checklists_parameters_exist() -> None:
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    named = re.findall(
        r"`((?:algorithms|train|domains|compare)\.[a-z_.]+)", (TOP / "docs/paper-checklist.md").read_text()
    )
    assert len(named) > 20
    for name in named:
        value = params
        for part in name.split("."):
            assert part in value, name
            value = value[part]


def test_links_between_documents_lead_somewhere() -> None:
    for path in [*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md"), *(TOP / "benchmarks").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
            if not target.startswith(("http://", "https://", "mailto:")):
                assert (path.parent / target).exists(), f"{path.relative_to(TOP)}: {target}"


def test_the_site_has_every_document_once() -> None:
    site = yaml.safe_load((TOP / "mkdocs.yml").read_text())
    named = re.findall(r"[\w/.-]+\.md", str(site["nav"]))
    globs = ("*.md", "docs/**/*.md", "benchmarks/*/*.md", "examples/*/*.md")
    paths = [path.relative_to(TOP).as_posix() for glob in globs for path in TOP.glob(glob)]
    assert sorted(named) == sorted(paths)
