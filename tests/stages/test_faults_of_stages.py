"""Every stage but training: writes that fail, and jobs that hang, are said; the next run leaves the same bytes."""

import errno
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fake_study import fill, new_study
from injected import Writes, hang
from training_job import DATASET, TrainingJob

from qdot import recipes
from qdot.cli import main
from qdot.evaluation import evaluator
from qdot.provenance import find_json, write_json
from qdot.stages import limit, transport
from qdot.study import Study
from qdot.transport.records import Row

FULL, BROKEN = (errno.ENOSPC, "No space left on device"), (errno.EIO, "Input/output error")
FEW = 4  # writes of a stage that a quick test lets fail
TOPS = ("data", "results", "reports/build")


class Stage:
    """A stage's command, run in this process, in the working directory.

    Attributes:
        folders: Where its files lie; each has a manifest.
    """

    def __init__(self, command: Sequence[str], folders: Sequence[Path]) -> None:
        self.folders, self._command = folders, command

    def run(self) -> int:
        """Its exit status."""
        return main(self._command)

    def forget(self) -> None:
        """Make it due again."""
        for folder in self.folders:
            (folder / "manifest.json").unlink()

    def contents(self) -> dict[str, bytes]:
        """Every file that no clock touches."""
        files = (path for folder in self.folders for path in folder.iterdir() if path.is_file())
        return {str(path): path.read_bytes() for path in files if path.name != "runtime.json"}

    def failures(self) -> list[str]:
        """Errors of the manifests that say `failed`."""
        found = (find_json(folder / "manifest.json") or {} for folder in self.folders)
        return [manifest["reason"]["error"] for manifest in found if manifest.get("status") == "failed"]


def prepared(top: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Collection and preparation."""
    job = TrainingJob(top, monkeypatch, ["bc"])
    folder = job.data.relative_to(top)
    return Stage(["data", "--recipe", "0.json", str(folder / "manifest.json")], [folder])


def evaluated(top: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The last checkpoints of two seeds, rolled out by a thread, which starts sooner than a process."""
    monkeypatch.setattr(evaluator, "ProcessPoolExecutor", lambda workers, initializer, **_: ThreadPoolExecutor(1))
    job = TrainingJob(top, monkeypatch, ["bc"], steps=20, evaluate_every=0)
    assert job.run() == 0
    write_json(Path("evaluate.json"), recipes.evaluate_recipe(job.study, DATASET, "bc"))
    folders = [job.study.evaluate_dir(DATASET, "bc", seed) for seed in job.study.seeds]
    manifests = [str(folder / "manifest.json") for folder in folders]
    return Stage(["evaluate", "--recipe", "evaluate.json", "--seeds", "0,1", *manifests], folders)


def studied(top: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Transport studies of two seeds, with invented numbers."""
    study = made(top, monkeypatch)
    recipe = recipes.transport_recipe(study)
    write_json(Path("transport.json"), {**recipe, "params": {**recipe["params"], "seeds": [0, 1]}})
    monkeypatch.setattr(transport, "run_study", lambda name, _, seed: [Row(name, "p", "m", 2, 3, seed, "x", seed / 7)])
    return Stage(["transport", "--recipe", "transport.json"], [study.transport_dir])


def compared(top: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Tables of invented cells."""
    study = made(top, monkeypatch)
    write_json(Path("compare.json"), recipes.table_recipe(study, "compare"))
    return Stage(["compare", "--recipe", "compare.json"], [study.compare_dir])


def reported(top: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The page of invented cells."""
    assert compared(top, monkeypatch).run() == 0
    study = new_study(Path(), "tiny")
    write_json(Path("report.json"), recipes.table_recipe(study, "report"))
    return Stage(["report", "--recipe", "report.json"], [study.report_dir])


def made(top: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of invented cells in the working directory."""
    top.mkdir()
    monkeypatch.chdir(top)
    study = new_study(Path(), "tiny")
    fill(study)
    return study


Make = Callable[[Path, pytest.MonkeyPatch], Stage]
STAGES: dict[str, tuple[Make, int]] = {  # and how many writes there are at least
    "data and collection": (prepared, 20),
    "evaluate": (evaluated, 8),
    "transport": (studied, 8),
    "compare": (compared, 30),
    "report": (reported, 3),
}


def hidden() -> list[str]:
    """Temporary files and folders; of transport studies, pieces that are finished may stay."""
    found = (path for top in TOPS for path in Path(top).rglob(".*"))
    return [str(path) for path in found if path.name not in (".locks", ".unfinished")]


def chosen(count: int, few: bool) -> list[int]:
    """Each write, or some, the first and the last among them."""
    if not few or count <= FEW:
        return list(range(1, count + 1))
    return sorted({1 + round(index * (count - 1) / (FEW - 1)) for index in range(FEW)})


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.parametrize("few", [True, pytest.param(False, marks=pytest.mark.slow)], ids=["some", "each"])
def test_a_write_that_fails_is_said_and_the_next_run_leaves_the_same_bytes(
    few: bool, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make, least = STAGES[name]
    stage = make(tmp_path / "top", monkeypatch)
    if stage.folders[0].exists() and (stage.folders[0] / "manifest.json").exists():
        stage.forget()
    with pytest.MonkeyPatch.context() as patch:
        writes = Writes(patch)
        assert stage.run() == 0
    whole, count = stage.contents(), writes.count
    assert count >= least
    for broken in chosen(count, few):
        number, text = (FULL, BROKEN)[broken % 2]
        stage.forget()
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            Writes(patch, broken, OSError(number, text))
            status = stage.run()
        said, failures = capsys.readouterr().err, stage.failures()
        told = [said] if status == 2 else failures
        assert any(text in each and "cannot be written" in each for each in told)
        assert hidden() == []
        half = {path for path, content in stage.contents().items() if content != whole.get(path)}
        assert all(path.endswith("manifest.json") for path in half)
        assert len(half) == len(failures)
        assert stage.run() == 0
        assert stage.contents() == whole


def test_a_piece_that_could_not_be_written_is_the_only_one_that_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = studied(tmp_path / "top", monkeypatch)
    asked: list[tuple[str, int]] = []
    plain = transport.run_study
    monkeypatch.setattr(transport, "run_study", lambda *which: asked.append(which[::2]) or plain(*which))
    with pytest.MonkeyPatch.context() as patch:
        Writes(patch, 3, OSError(*FULL))
        assert stage.run() == 2
    first = list(asked)
    asked.clear()
    assert stage.run() == 0
    studies = json.loads(Path("transport.json").read_text())["params"]["studies"]
    wanted = [(study, seed) for study in studies for seed in (0, 1)]
    assert (first, asked) == (wanted[:3], wanted[2:])


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_hangs_is_ended_and_says_so_in_its_manifests_or_by_its_status(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = STAGES[name][0](tmp_path / "top", monkeypatch)
    for folder in stage.folders:
        (folder / "manifest.json").unlink(missing_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        hang(patch, tmp_path, "0.5")
        status = stage.run()
    text = f"ended after 0.5 s, the limit that {limit.VARIABLE} sets: it hung, or needs a larger limit"
    assert text in capsys.readouterr().err
    has_cells = name in ("data and collection", "evaluate")
    assert (status, len(stage.failures())) == ((0, len(stage.folders)) if has_cells else (2, 0))
    assert all(text in failure for failure in stage.failures())
    assert stage.run() == 0
    assert stage.failures() == []
