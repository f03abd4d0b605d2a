"""Ways in which a newcomer gets what is its own."""

from typing import Literal, get_args

Adaptation = Literal["solve", "encoder", "fine-tune"]
"""``"solve"`` pools known channels by how well their weights forecast its rows, ``"encoder"`` reads
its rows in one pass, ``"fine-tune"`` takes steps along gradients on them."""

ADAPTATIONS: tuple[str, ...] = get_args(Adaptation)


def check_adaptation(given: str) -> None:
    """Raise unless there is such a way."""
    if given not in ADAPTATIONS:
        raise ValueError(
            f"adaptation must be one of {', '.join(map(repr, ADAPTATIONS))}; got {given!r}."
        )
