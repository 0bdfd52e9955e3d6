"""What one cites is the same in every file that says it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[1]
PAPER, D4RL, IQL = ("https://arxiv.org/abs/" + number for number in ("2507.10843", "2004.07219", "2110.06169"))


def cff() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((TOP / "CITATION.cff").read_text())
    return found


def bibtex() -> dict[str, dict[str, str]]:
    """Entries of docs/citing.md by their URL, the software's by its key; braces that keep capitals are taken out."""
    text = (TOP / "docs/citing.md").read_text()
    found = {}
    for key, body in re.findall(r"^@\w+\{(\w+),\n(.*?)^\}$", text, re.MULTILINE | re.DOTALL):
        fields = dict(re.findall(r"^  (\w+)\s*= \{(.*?)\},?$", body, re.MULTILINE))
        fields = {name: value.replace("{", "").replace("}", "") for name, value in fields.items()}
        found[fields.get("url", key)] = fields
    return found


def test_the_paper_d4rl_and_iql_are_cited_alike_by_machines_and_people() -> None:
    cited = {work["url"]: work for work in (cff()["preferred-citation"], *cff()["references"])}
    entries = bibtex()
    assert list(cited) == [PAPER, D4RL, IQL]
    assert set(entries) == {PAPER, D4RL, IQL, "qdot_reproduction"}
    for url, work in cited.items():
        assert entries[url]["title"] == work["title"]
        assert entries[url]["year"] == str(work["year"])
        names = [
            ", ".join(author[key] for key in ("family-names", "given-names") if key in author)
            for author in work["authors"]
        ]
        assert entries[url]["author"].split(" and ") == names


def test_version_licence_and_title_agree() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    zenodo, software = json.loads((TOP / ".zenodo.json").read_text()), bibtex()["qdot_reproduction"]
    assert cff()["version"] == zenodo["version"] == project["version"] == software["version"]
    assert cff()["license"] == zenodo["license"] == project["license"] == "MIT"
    assert cff()["title"] == zenodo["title"] == software["title"]
    assert [author["name"] for author in cff()["authors"]] == [author["name"] for author in zenodo["creators"]]
    assert [author["name"] for author in cff()["authors"]] == [software["author"]]
