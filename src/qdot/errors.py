"""Errors a user can act on: each names the file or key, what was found, what was expected and what to do."""

LONGEST = 4000  # characters of a message


class QdotError(Exception):
    """Base of every error this package raises on purpose; the command line prints it without a traceback."""

    def __init__(self, message: str = "") -> None:
        """Take a message; what it quotes of a file may be of any length and kind."""
        super().__init__(printable(message))


def printable(text: str) -> str:
    """A text that can be logged, written and shown on a terminal: controls and half characters spelled out, short."""
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST - 40]}... ({len(text):,} characters in all)"
    spelled = (
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode("ascii") for char in shown
    )
    return "".join(spelled)


def failure(
    stage: str, error: str, log_tail: str = "", step: int | None = None, term: str | None = None
) -> dict[str, str | int | None]:
    """The reason in the manifest of a failure, whose texts can be written and shown.

    Args:
        stage: That failed.
        error: What happened.
        log_tail: The end of a traceback.
        step: Training step, where steps have a meaning.
        term: Loss term or quantity that was not finite.
    """
    return {"stage": stage, "step": step, "term": term, "error": printable(error), "log_tail": printable(log_tail)}


def unwritable(path: object, error: OSError) -> str:
    """What to say of a file or folder that cannot be written: no space, no right, no folder."""
    reason = error.strerror or error
    return f"{path}: cannot be written ({reason}); expected a writable folder with free space: see `qdot places`"


class ParamsError(QdotError):
    """A value in params.yaml or on the command line is unknown, missing or of the wrong kind."""


class DataError(QdotError):
    """A dataset cannot be fetched, read or trusted."""


class ResultsError(QdotError):
    """A result file is missing, damaged or cannot be written."""


class PackageError(QdotError):
    """A package that one of the extras brings is not installed."""


class CellFailure(QdotError):
    """One seed of one cell failed; its batch mates go on.

    Attributes:
        stage: Stage that failed (`train`, `evaluate`).
        step: Training step, or None where steps have no meaning.
        term: Loss term or quantity that was not finite, or None.
        error: What happened, in one line.
    """

    def __init__(self, stage: str, error: str, step: int | None = None, term: str | None = None) -> None:
        """Record where it failed."""
        where = "" if step is None else f" at step {step}"
        what = "" if term is None else f" in {term}"
        super().__init__(f"{stage} failed{where}{what}: {error}")
        self.stage, self.step, self.term, self.error = stage, step, term, printable(error)
