"""A process that puts damaged files before readers: within bounds of memory and time, and watched for what it opens.

`python -m fuzz.worker FOLDER SEED CASES TARGET...`, started by `fuzz.drive`. Where a target has come to stands in
FOLDER/<number>.state after every case, so that a process which is ended goes on behind the case that ended it.
"""

import faulthandler
import json
import random
import resource
import signal
import struct
import sys
import sysconfig
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from fuzz.mutations import mutate
from fuzz.targets import TARGETS, Target

from qdot.errors import QdotError

ROOM = 1 << 30  # bytes of address space that a target may take beside what it has at rest
SECONDS = 10.0  # of processor time for one case: beyond them the process ends
LONGEST_MESSAGE = 10_000  # characters
FORBIDDEN = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "pickle.find_class",
    "socket.connect",
)
TOUCHING = (
    "open",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.symlink",
    "os.link",
    "os.truncate",
)
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
        places |= {
            sys.prefix,
            sys.base_prefix,
            str(Path(__file__).parents[2]),
            "/proc/self",
            "/dev/null",
            "/dev/urandom",
        }
        places |= {"/sys", "/etc/ssl", "/usr/share/zoneinfo", "/usr/lib"}
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
        text = str(error)
        text.encode()  # a message can be printed and written
        if len(text) > LONGEST_MESSAGE:
            return f"a message of {len(text)} characters: {text[:200]}"
        return ", ".join(watch.seen)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "".join(traceback.format_exception(error, limit=-6))
    return ", ".join(watch.seen) or None


def run(folder: Path, seed: int, cases: int, numbers: list[int]) -> None:
    """Work on the targets of these numbers, each from where it has come to."""
    watch = Watch()
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            _target(folder, seed, cases, number, Path(name).resolve(), watch)


def _target(folder: Path, seed: int, cases: int, number: int, place: Path, watch: Watch) -> None:
    target, path = TARGETS[number], folder / f"{number}.state"
    tally = Tally.read(path)
    if tally.done >= cases:
        return
    samples = _samples(target, place)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts again from here
    rest, hard = memory("VmRSS"), resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + ROOM, hard))
    while tally.done < cases:
        content = case(target, samples, seed, tally.done)
        watch.folder = place
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        before = _clock()
        found = attempt(lambda content=content: target.read(place, content), watch)  # type: ignore[misc]
        signal.setitimer(signal.ITIMER_PROF, 0)
        watch.folder = None
        tally.milliseconds += _clock() - before
        _count(tally, found, folder, target, content)
        tally.peak = max(tally.peak, memory("VmHWM") - rest)
        tally.write(path)
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


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


def _count(tally: Tally, found: str | None, folder: Path, target: Target, content: bytes) -> None:
    """Count a case; of one that went wrong, keep the bytes and what happened."""
    if found:
        kept = folder / f"{TARGETS.index(target)}-{tally.done}.bytes"
        kept.write_bytes(content)
        with (folder / "crashes.jsonl").open("a") as file:
            file.write(
                json.dumps({"target": target.name, "case": tally.done, "what": found, "bytes": kept.name}) + "\n"
            )
    tally.crashed += bool(found)
    tally.refused += found == ""
    tally.accepted += found is None
    tally.done += 1


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    faulthandler.enable()
    faulthandler.register(signal.SIGPROF, chain=True)  # says where, then ends the process
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), [int(number) for number in sys.argv[4:]])
