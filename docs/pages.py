"""MkDocs' hook: documents at their paths in the repository, so that their links hold, and a page per public module."""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

TOP = Path(__file__).parents[1]
FILES = ("*.md", "CITATION.cff", "docs/*.md", "docs/results/**/*", "benchmarks/*/*.md", "examples/*/*")
# What code outside this repository may use; stages, reporting and training are inner works, read in their source.
API = {
    "Policies and results": ("__init__.py", "policies.py", "results.py", "errors.py", "params.py", "study.py"),
    "Environments": ("envs/*.py",),
    "Algorithms": ("algorithms/*.py",),
    "Transport": ("transport/*.py",),
    "Evaluation": ("evaluation/*.py",),
    "Data": ("data/*.py",),
}
LINK = re.compile(r"(?<=\]\()[^):#]+(?=\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Append the API to the navigation."""
    sections: list[Any] = [{title: [{name: _page(name)} for name in _modules(globs)]} for title, globs in API.items()]
    config.nav = [*(config.nav or []), {"API": sections}]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Put the repository's documents, and a page per public module, in the place of what lies in docs/."""
    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    for path in sorted({path for glob in FILES for path in TOP.glob(glob) if path.is_file()}):
        files.append(_document(path.relative_to(TOP).as_posix(), config))
    for globs in API.values():
        for name in _modules(globs):
            files.append(File.generated(config, _page(name), content=f"::: {name}\n"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """A link to a folder leads to its README, as on a host of repositories."""
    beside = (TOP / page.file.src_uri).parent

    def led(link: re.Match[str]) -> str:
        return f"{link[0].rstrip('/')}/README.md" if (beside / link[0]).is_dir() else link[0]

    return LINK.sub(led, markdown)


def _document(path: str, config: MkDocsConfig) -> File:
    """A file at its own path; only the top README is an index, as a kept report beside another has that name."""
    target = f"{path.removesuffix('.md')}.html" if path.endswith("/README.md") else None
    included = InclusionLevel.INCLUDED
    return File(path, str(TOP), config.site_dir, use_directory_urls=False, dest_uri=target, inclusion=included)


def _page(module: str) -> str:
    return f"api/{module}.md"


def _modules(globs: tuple[str, ...]) -> list[str]:
    """Dotted names of the modules of src/qdot that globs name."""
    source = TOP / "src"
    paths = [path.relative_to(source) for glob in globs for path in sorted((source / "qdot").glob(glob))]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths]
