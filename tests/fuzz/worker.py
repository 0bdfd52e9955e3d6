"""A process that puts damaged files before readers: within bounds of memory and time, and watched for what it opens.

`python -m fuzz.worker MODULE FOLDER SEED CASES TARGET...`, started by `fuzz.drive`. Where a target has come to stands
in FOLDER/<number>.state after every case, so that a process which is ended goes on behind the case that ended it.
"""

import faulthandler
import importlib
import json
import random
import re
import resource
import signal
import struct
import sys
import sysconfig
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from fuzz.mutations import mutate
from fuzz.target import Target

from qdot.errors import QdotError

ROOM = 1 << 30  # bytes of address space that a target may take beside what it has at rest
SECONDS = 10.0  # of processor time for one case: beyond them the process ends
PATIENCE = 3600  # seconds that one case may wait, on a busy machine
LONGEST_MESSAGE = 10_000  # characters
NO_ROOM = re.compile(r"allocation failed|(unable|can't|cannot) (to )?allocate", re.IGNORECASE)  # as libraries say it
STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
FORBIDDEN = (*STARTS, "pickle.find_class", "socket.connect")
TOUCHING = ("open", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.symlink", "os.link")
UNREADY = 99  # exit status where a sound file was not read
LAYOUT = struct.Struct("<6Q")
STATUS = Path("/proc/self/status")


@dataclass
class Tally:
    """What came of a target's cases.

    Attributes:
        done: Cases.
        refused: Of them, by an error of ours.
        accepted: Of them, read.
        crashed: Of them, by anything else, also a process that ended.
        peak: Most memory beyond what the process has at rest, bytes.
        milliseconds: Time.
    """

    done: int = 0
    refused: int = 0
    accepted: int = 0
    crashed: int = 0
    peak: int = 0
    milliseconds: int = 0

    @classmethod
    def read(cls, path: Path) -> Self:
        """Where a target has come to; nothing where it has not begun."""
        return cls(*LAYOUT.unpack(path.read_bytes())) if path.exists() else cls()

    def write(self, path: Path) -> None:
        """Keep it: 48 bytes in one call, which a reader sees whole."""
        path.write_bytes(LAYOUT.pack(*asdict(self).values()))


def memory(key: str) -> int:
    """`VmRSS`, `VmHWM` or `VmSize` of this process, bytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) << 10


class Watch:
    """Refuses, from here on, what no reader has to do: start programs, unpickle, touch files outside its folder."""

    def __init__(self) -> None:
        """Nothing is watched before the first folder."""
        self.folder: Path | None = None
        places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib")}
        places |= {sys.prefix, sys.base_prefix, str(Path(__file__).parents[2])}
        places |= {"/proc/self", "/dev/null", "/dev/urandom", "/sys", "/usr/share/zoneinfo", "/usr/lib"}
        self.known = tuple(str(Path(place).resolve()) for place in places)
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder is None:
            return
        if event in FORBIDDEN:
            self.seen.append(f"{event} {arguments[:1]!r}"[:300])
        elif event in TOUCHING and arguments and isinstance(arguments[0], str | bytes):
            name = arguments[0].decode("utf-8", "replace") if isinstance(arguments[0], bytes) else arguments[0]
            writes = event != "open" or any(letter in str(arguments[1] or "") for letter in "wax+")
            if not self._allowed(name, writes):
                self.seen.append(f"{event} {name!r}"[:300])

    def _allowed(self, name: str, writes: bool) -> bool:
        """Whether a path lies in the folder, or is only read and part of the installation or the checkout."""
        folder, self.folder = self.folder, None  # what follows is no reader's doing
        try:
            path = Path(name).resolve() if "\0" not in name else Path("/")
            return path.is_relative_to(str(folder)) or (not writes and str(path).startswith(self.known))
        finally:
            self.folder = folder


def case(target: Target, samples: list[bytes], seed: int, number: int) -> bytes:
    """The damaged file of a case: a function of seed, target and number."""
    draw = random.Random(f"{seed}:{target.name}:{number}")
    return mutate(draw.choice(samples), samples, draw, target.text)


def attempt(read: Callable[[], None], watch: Watch) -> str | None:
    """Read once.

    Returns:
        None where it was read, "" where it was refused as it should be, else what happened.
    """
    watch.seen.clear()
    try:
        read()
    except QdotError as error:
        return _fault(error) or ", ".join(watch.seen)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "".join(traceback.format_exception(error, limit=-6))
    return ", ".join(watch.seen) or None


def _fault(error: QdotError) -> str:
    """What is wrong with a refusal: a message that no terminal or file takes, or memory that was asked for first."""
    text, cause = str(error), error.__cause__ or error.__context__
    if len(text) > LONGEST_MESSAGE or text != text.encode("utf-8", "replace").decode():
        return f"a message of {len(text)} characters: {text[:200]!r}"
    unbounded = isinstance(cause, MemoryError) or NO_ROOM.search(text) is not None
    return f"asked for more memory than there was: {text}" if unbounded else ""


def run(targets: Sequence[Target], folder: Path, seed: int, cases: int, numbers: list[int]) -> None:
    """Work on the targets of these numbers, each from where it has come to."""
    watch = Watch()
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            _work(targets[number], folder / f"{number}.state", seed, cases, Path(name).resolve(), watch)


def _work(target: Target, state: Path, seed: int, cases: int, place: Path, watch: Watch) -> None:
    """Put a target's cases before its reader, from where it has come to."""
    tally = Tally.read(state)
    if tally.done >= cases:
        return
    samples = _samples(target, place)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts again from here
    rest, hard = memory("VmRSS"), resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + ROOM, hard))
    while tally.done < cases:
        content, before = case(target, samples, seed, tally.done), _clock()
        with _watched(watch, place):
            found = attempt(lambda content=content: target.read(place, content), watch)  # type: ignore[misc]
        tally.milliseconds += _clock() - before
        _count(tally, found, state, target, content)
        tally.peak = max(tally.peak, memory("VmHWM") - rest)
        tally.write(state)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


@contextmanager
def _watched(watch: Watch, place: Path) -> Iterator[None]:
    """Within bounds of time, and of what may be touched."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    watch.folder = place
    yield
    watch.folder = None
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_PROF, 0)


def _samples(target: Target, place: Path) -> list[bytes]:
    """The target's files, each read once as it is, so that imports and caches are warm; else nothing can be said."""
    try:
        samples = list(target.prepare(place))
        for sample in samples:
            target.read(place, sample)
    except Exception as error:
        traceback.print_exc()
        raise SystemExit(UNREADY) from error
    return samples


def _clock() -> int:
    """Milliseconds of processor time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round(1000 * (usage.ru_utime + usage.ru_stime))


def _count(tally: Tally, found: str | None, state: Path, target: Target, content: bytes) -> None:
    """Count a case; of one that went wrong, keep the bytes and what happened."""
    if found:
        kept = state.with_name(f"{state.stem}-{tally.done}.bytes")
        kept.write_bytes(content)
        note(state.parent, target.name, tally.done, found)
    tally.crashed += bool(found)
    tally.refused += found == ""
    tally.accepted += found is None
    tally.done += 1


def note(folder: Path, target: str, number: int, what: str) -> None:
    """Write down what went wrong."""
    with (folder / "crashes.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"target": target, "case": number, "what": what}) + "\n")


def targets_of(module: str) -> Sequence[Target]:
    """The targets of a module: of `fuzz.targets`, but in tests of this."""
    return tuple(importlib.import_module(module).TARGETS)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)  # says where, then ends the process
    name, place, *numbers = sys.argv[1:]
    run(targets_of(name), Path(place), int(numbers[0]), int(numbers[1]), [int(number) for number in numbers[2:]])
