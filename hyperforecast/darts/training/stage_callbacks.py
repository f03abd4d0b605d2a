"""Which of the two stages of training a callback sees."""

from collections.abc import Sequence
from typing import Any, Literal

from pytorch_lightning import Callback

Stage = Literal["base", "adapters"]


def stage_of(callback: Callback) -> Stage | None:
    """Return the stage that a callback was given for, in its attribute ``stage``; None of both.

    What reports to a study of Optuna is of the stage ``"adapters"`` unless it says otherwise:
    losses of two kinds under the same numbers of epochs would prune by neither.
    """
    given = getattr(callback, "stage", None)
    if given in ("base", "adapters"):
        return given
    return "adapters" if reports_to_study(callback) else None


def reports_to_study(callback: Callback) -> bool:
    """Say whether a callback reports to a trial of Optuna, of which a copy is of no use."""
    return any(one.__name__ == "PyTorchLightningPruningCallback" for one in type(callback).__mro__)


def not_copied(given: Sequence[Callback], callbacks: Sequence[Callback]) -> list[Callback]:
    """Return callbacks with those that report to a study as they were given.

    Parameters
    ----------
    given : sequence of Callback
        Those of the user.
    callbacks : sequence of Callback
        A model's, of which the last ones are copies of these, in the same order.
    """
    n_own = len(callbacks) - len(given)
    copies = zip(given, callbacks[n_own:], strict=True)
    kept: list[Any] = [one if reports_to_study(one) else copy for one, copy in copies]
    return [*callbacks[:n_own], *kept]
