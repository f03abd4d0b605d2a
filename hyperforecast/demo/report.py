"""What the demo says of its results."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.demo.errors import Entry
from hyperforecast.demo.models import HN_EXACT, PLAIN

Say = Callable[[str], None]
"""Prints a line of progress."""


def table(entries: Sequence[Entry]) -> str:
    """Return the results as aligned text."""
    plain = {entry.host: entry.mse for entry in entries if entry.name == PLAIN}
    head = f"{'model':<20}  {'host':<6}  {'MAE':>8}  {'MSE':>8}  {'ratio':>6}  {'seconds':>7}"
    lines = [head, "-" * len(head)]
    for i, entry in enumerate(entries):
        if i and entry.host != entries[i - 1].host:
            lines.append("")
        ratio = entry.mse / plain[entry.host] if plain[entry.host] > 0 else math.nan
        lines.append(
            f"{entry.name:<20}  {entry.host:<6}  {entry.mae:>8.4f}  {entry.mse:>8.4f}  "
            f"{ratio:>6.2f}  {entry.seconds:>7.1f}"
        )
    return "\n".join(lines)


def progress(entry: Entry, say: Say) -> None:
    """Say how well a model did."""
    say(f"{entry.host:<6}  {entry.name:<20}  MAE {entry.mae:.4f}")


def solver_choice(entries: Sequence[Entry]) -> str:
    """Say in a line what the exact solver chose for HN-MVTS."""
    entry = next(e for e in entries if e.host == "Darts" and e.name == HN_EXACT)
    report = entry.model.solver_report
    if report is None or report.empty:
        return "The exact solver had too few rows to compare settings on."
    selected = report[report["chosen"]].iloc[-1]
    length = int(selected["channel_embedding_dim"])
    if selected["individual"]:
        heads = "a head for each channel"
    elif length == 0:
        heads = "embedding length 0, that is one head for all channels, as in the plain backbone"
    else:
        heads = f"embedding length {length}"
    return (
        f"For HN-MVTS the exact solver chose, on training rows held out: {heads}; instance norm "
        f"{selected['instance_norm']!r}; {int(selected['n_factors'])} common factors; ridge "
        f"{selected['ridge']:.0e}."
    )


def time_of(label: Any) -> str:
    """Return the label of a row as text."""
    return f"row {label}" if isinstance(label, (int, np.integer)) else str(pd.Timestamp(label))
