"""How a case ended: with a forecast that is right, with an error that is clear, or otherwise."""

import re
import signal
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import hyperforecast

Kind = Literal[
    "ok", "clear error", "clear error of the host", "unclear error", "silent wrong", "no case"
]

KINDS: tuple[Kind, ...] = (
    "ok",
    "clear error",
    "clear error of the host",
    "unclear error",
    "silent wrong",
)
"""Of cases; where the host fails before it has asked this package, there is none."""

PATIENCE = 60
"""Processor seconds after which a case counts as one that never ends: a busy machine is not why."""

ADVICE = re.compile(
    r"\b(must|expected|give|choose|leave|fill|call|pass|use|cast|set|needs?|needed|required?|should|"
    r"make|load|keep|name|build|scale|provided?|ensure|please|did you mean|it has|supported?|"
    r"check)\b",
    re.IGNORECASE,
)
"""What an error that teaches says to do."""

OURS = str(Path(hyperforecast.__file__).parent)
HOSTS = ("/site-packages/darts/", "/site-packages/sktime/", "/site-packages/skbase/")


class WrongForecastError(AssertionError):
    """A forecast that is not finite, or not what a relation says."""


class EndlessError(Exception):
    """A case took longer than :data:`PATIENCE`."""


@dataclass(frozen=True)
class Outcome:
    """How a case ended, and what it said."""

    kind: Kind
    message: str = ""


@dataclass
class Tally:
    """The outcomes of a campaign, with the cases that did not end well."""

    counts: Counter[Kind] = field(default_factory=Counter)
    ended: list[tuple[str, Outcome]] = field(default_factory=list)
    """The cases that ended in an error, or wrong."""

    def add(self, case: Any, outcome: Outcome) -> None:
        """Count an outcome."""
        if outcome.kind == "no case":
            return
        self.counts[outcome.kind] += 1
        if outcome.kind != "ok":
            self.ended.append((repr(case), outcome))

    def verdict(self, most_unclear: float = 0.02) -> str:
        """Return what is wrong, empty if nothing is."""
        n = sum(self.counts.values())
        wrong = self.counts["silent wrong"]
        unclear = self.counts["unclear error"]
        if not wrong and unclear <= max(1, most_unclear * n):
            return ""
        bad = [(c, o) for c, o in self.ended if o.kind in ("unclear error", "silent wrong")]
        causes = Counter((o.kind, cause(o.message)) for _, o in bad)
        lines = [f"{wrong} of {n} cases were wrong without a word, {unclear} errors unclear:"]
        for (kind, message), count in causes.most_common(12):
            example = next(c for c, o in bad if cause(o.message) == message)
            lines.append(f"- {count} x {kind}: {message}\n    {example}")
        return "\n".join(lines)


def cause(message: str) -> str:
    """Return a message without its numbers, by which cases of one cause are counted."""
    return re.sub(r"-?\d[\d.e+-]*", "#", message.split("\n")[0])[:160]


def outcome_of(run: Callable[[], None]) -> Outcome:
    """Run a case, which raises :class:`WrongForecastError` where it is silently wrong."""
    try:
        with _limited(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run()
    except (WrongForecastError, EndlessError) as error:
        return Outcome("silent wrong", str(error))
    except Exception as error:
        return Outcome(_kind(error), f"{type(error).__name__}: {error}")
    return Outcome("ok")


def _kind(error: Exception) -> Kind:
    """Say whether an error is one that its user can do something about.

    It is where this package raised a ``ValueError`` or ``TypeError`` (or what sktime asks for,
    ``NotImplementedError``) whose message says what to do, or where the host did, in checking what
    it was given. What Python or torch raise by themselves is not.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if not any(frame.filename.startswith(OURS) for frame in frames):
        return "no case"
    last = frames[-1]
    deliberate = str(last.line).startswith("raise ") and isinstance(
        error, (ValueError, TypeError, NotImplementedError)
    )
    if deliberate and last.filename.startswith(OURS) and ADVICE.search(str(error)):
        return "clear error"
    if deliberate and any(host in last.filename for host in HOSTS):
        return "clear error of the host"
    return "unclear error"


@contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise EndlessError(
            f"still running after {PATIENCE} processor seconds, or ten times as long"
        )

    # the second for a case that waits for what never comes
    limits = [
        (signal.SIGPROF, signal.ITIMER_PROF, PATIENCE),
        (signal.SIGALRM, signal.ITIMER_REAL, 10 * PATIENCE),
    ]
    before = [(sort, signal.signal(sort, stop)) for sort, _, _ in limits]
    for _, timer, seconds in limits:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for _, timer, _ in limits:
            signal.setitimer(timer, 0)
        for sort, handler in before:
            signal.signal(sort, handler)
