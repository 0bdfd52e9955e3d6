"""Kill work at drawn instants, let it go on, compare: `python benchmarks/faults/run.py [--suite tiny | --training]`.

A round is one piece of work from its beginning: attempts, in which a process is killed at an instant drawn uniformly
from the time that the undisturbed work took, or from a shorter one (`--within`) for more kills a round. What outlives a
kill, as Snakemake does its jobs', is shot at again. When an attempt comes to its end without a kill, every result is
held against the undisturbed one's.
"""

import argparse
import itertools
import random
import sys
import time
from pathlib import Path
from typing import Any

BENCHMARKS = Path(__file__).parents[1]
sys.path.insert(0, str(BENCHMARKS))

import psutil  # noqa: E402 - needs the path above, as what follows
import table  # noqa: E402
from faults.scenes import Running, Scene, Suite, Training  # noqa: E402

from qdot.provenance import find_json, write_json  # noqa: E402

COLUMNS = ("job", "round", "kill", "stage", "victim", "step", "instant", "undisturbed", "digests", "seed", "date")
COLUMNS = (*COLUMNS, "commit", "command")
SAME = "same"
Row = dict[str, Any]


def role(process: psutil.Process, first: int) -> str | None:
    """What a process is: `snakemake`, `worker`, or the stage's name; None for shells and helpers."""
    words = process.cmdline()
    if any("spawn_main" in word for word in words):
        return "worker"
    if any(Path(word).name == "snakemake" for word in words[:2]):
        return "snakemake"
    if any(Path(word).name == "qdot" for word in words[:2]):
        return next((word for word in words[2:] if not word.startswith("-")), None)
    return "train" if process.pid == first and Path(words[0]).name.startswith("python") else None


def victims(first: int) -> dict[str, list[psutil.Process]]:
    """Processes of a tree by what they are."""
    found: dict[str, list[psutil.Process]] = {}
    try:
        tree = [psutil.Process(first), *psutil.Process(first).children(recursive=True)]
    except psutil.NoSuchProcess:
        return found
    for process in tree:
        try:
            kind = role(process, first) if process.status() != psutil.STATUS_ZOMBIE else None
        except (psutil.Error, IndexError):
            continue  # it ended meanwhile
        if kind:
            found.setdefault(kind, []).append(process)
    return found


def shoot(scene: Scene, running: Running, draw: random.Random, seconds: float) -> Row | None:
    """Kill a process of a tree at a drawn instant; None where the work ended before."""
    start, instant = time.monotonic(), draw.uniform(0, seconds)
    while time.monotonic() - start < instant:
        if running.poll() is not None:
            return None
        time.sleep(0.005)
    found = victims(running.pid)
    if not found:
        return None
    kind = draw.choice(sorted(found))
    stages = sorted(found.keys() - {"snakemake", "worker"})
    try:
        draw.choice(found[kind]).kill()
    except psutil.NoSuchProcess:
        return None
    return {"stage": "+".join(stages), "victim": kind, "step": scene.step(), "instant": f"{instant:.2f}"}


def play(scene: Scene, seconds: float, draw: random.Random) -> tuple[list[Row], str]:
    """A round; returns its kills, and how the attempt ended that was not killed: nothing where it should."""
    scene.clear()
    kills: list[Row] = []
    while True:
        running, before = scene.start(draw.randrange(2)), len(kills)
        while (kill := shoot(scene, running, draw, seconds)) is not None:
            kills.append(kill)
        status = running.wait()
        if len(kills) == before:
            scene.settle()
            return kills, "" if status == 0 else f"exit status {status}"


def undisturbed(scene: Scene) -> tuple[float, dict[str, str]]:
    """Seconds and digests of the work when nobody kills anything; kept beside the scene's folder."""
    kept = find_json(scene.whole)
    if kept is None:
        scene.clear()
        start = time.monotonic()
        if scene.start(0).wait():
            raise SystemExit(f"the undisturbed work failed:\n{scene.log.read_text()[-4000:]}")
        kept = {"seconds": time.monotonic() - start, "digests": scene.digests()}
        write_json(scene.whole, kept)
    return kept["seconds"], kept["digests"]


def judge(expected: dict[str, str], found: dict[str, str], left: list[str], ended: str) -> str:
    """`same`, or what is not."""
    names = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    problems = [ended, *(f"differs: {name}" for name in names), *(f"left: {name}" for name in left)]
    return "; ".join(filter(None, problems)) or SAME


def options(chosen: argparse.Namespace) -> str:
    """What was asked for, without folders of this machine."""
    given = {name: value for name, value in vars(chosen).items() if name not in ("work", "results")}
    said = ((name, value) for name, value in given.items() if value is not None and value is not False)
    told = {f"--{name}": "" if value is True else f" {value}" for name, value in said}
    return " ".join(name + value for name, value in told.items())


def drill(scene: Scene, job: str, chosen: argparse.Namespace, file: Path) -> None:
    """Rounds until there are enough kills of this commit, or the time is over; each with a kill is kept as it ends.

    A round in which the work ended before its instant was undisturbed too, and says how long that takes by now.
    """
    end = time.monotonic() + 60 * chosen.minutes
    seconds, expected = undisturbed(scene)
    print(f"{job}: undisturbed in {seconds:.0f} s, {len(expected)} results", flush=True)
    for passed in itertools.count():
        rows = table.read(file)
        this = {"job": job, "seed": str(chosen.seed), "commit": scene.commit}
        own = [row for row in rows if this.items() <= row.items()]
        if len(own) >= chosen.kills or time.monotonic() > end:
            break
        number = 1 + max((int(row["round"]) for row in own), default=0)
        start = time.monotonic()
        kills, ended = play(scene, chosen.within or seconds, random.Random(f"{chosen.seed} {job} {number} {passed}"))
        seconds = seconds if kills else time.monotonic() - start
        verdict = judge(expected, scene.digests(), scene.left(), ended)
        common = {"job": job, "round": number, "undisturbed": f"{seconds:.1f}", "digests": verdict}
        common |= this | {"date": table.today(), "command": options(chosen)}
        made = [kill | common | {"kill": index} for index, kill in enumerate(kills, 1)]
        table.write(file, COLUMNS, [*rows, *made])
        print(f"round {number}: {len(kills)} kills, {verdict}", flush=True)
        if verdict != SAME:
            raise SystemExit(f"see {scene.folder} and {scene.log}")
    print(f"{job}: {len(own)} kills in {file.name}", flush=True)


def main() -> None:
    """Parse, make the scene, drill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="tiny", help="the suite that Snakemake runs, or whose log gets the kills")
    parser.add_argument(
        "--training", action="store_true", help="kill one training job of suite tiny, without Snakemake"
    )
    parser.add_argument("--compiled", action="store_true", help="with --training: its steps are compiled")
    parser.add_argument("--kills", type=int, default=150, help="in the log, with those of earlier runs of this commit")
    parser.add_argument("--minutes", type=float, default=60, help="no round begins later")
    within = "kill in this time from a start or a kill; more than a job takes that keeps nothing until it ends"
    parser.add_argument("--within", type=float, metavar="SECONDS", help=within)
    parser.add_argument("--seed", type=int, default=0, help="of the instants and victims")
    parser.add_argument("--work", type=Path, default=Path(".faults"), help="where the copy is killed in")
    parser.add_argument("--results", type=Path, default=table.RESULTS, help="folder of the log")
    chosen = parser.parse_args()
    file, work = chosen.results.resolve() / f"faults-{chosen.suite}.csv", chosen.work.resolve()
    training = "compiled" if chosen.compiled else "training"
    job = training if chosen.training else chosen.suite
    scene = Training(work / job, chosen.compiled) if chosen.training else Suite(work / job, job)
    drill(scene, job, chosen, file)


if __name__ == "__main__":
    main()
