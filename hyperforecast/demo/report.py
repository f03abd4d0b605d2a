"""What the demo says of its results."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.automatic.names import ONE_FOR_ALL
from hyperforecast.demo.errors import Entry

Say = Callable[[str], None]
"""Prints a line of progress."""


def table(entries: Sequence[Entry]) -> str:
    """Return the results as aligned text."""
    plain = {entry.host: entry.mse.mean() for entry in entries if entry.name == ONE_FOR_ALL}
    head = (
        f"{'model':<15}  {'host':<6}  {'MAE':>8}  {'MSE':>8}  {'ratio':>6}  {'seconds':>7}  chosen"
    )
    lines = [head, "-" * len(head)]
    for i, entry in enumerate(entries):
        if i and entry.host != entries[i - 1].host:
            lines.append("")
        mse = entry.mse.mean()
        ratio = mse / plain[entry.host] if plain[entry.host] > 0 else math.nan
        line = (
            f"{entry.name:<15}  {entry.host:<6}  {entry.mae:>8.4f}  {mse:>8.4f}  {ratio:>6.2f}  "
            f"{entry.seconds:>7.1f}  {choice(entry.model)}"
        )
        lines.append(line.rstrip())
    return "\n".join(lines)


def table_of_kinds(entries: Sequence[Entry], kinds: pd.Series) -> str:
    """Return the MSE on each kind of channel as aligned text, the lowest one starred."""
    errors = pd.DataFrame({entry.name: entry.mse for entry in entries})
    mean = errors.groupby(kinds.loc[errors.index], sort=False).mean()
    head = f"{'channels':<18}" + "".join(f"  {name:>14} " for name in mean).rstrip()
    lines = [head, "-" * len(head)]
    for kind, row in mean.iterrows():
        cells = [f"{value:.4f}{'*' if value == row.min() else ' '}" for value in row]
        label = f"{kind} ({(kinds == kind).sum()})"
        lines.append((f"{label:<18}" + "".join(f"  {cell:>15}" for cell in cells)).rstrip())
    return "\n".join(lines)


def progress(entry: Entry, say: Say) -> None:
    """Say how well a model did."""
    say(f"{entry.host:<6}  {entry.name:<15}  MSE {entry.mse.mean():.4f}")


def choice(model: Any) -> str:
    """Say in a few words what was chosen for a model; nothing where nothing was.

    Of an automatic model first which candidate.

    Of the setting with the largest share: which weights the channels have (their own, which may be
    drawn to shared ones, or generated from vectors of length E), the instance norm, the number of
    common factors and of last values of all channels; and how many others are added.
    """
    found = getattr(model, "model_", model)
    said = []
    if hasattr(found, "leaderboard"):
        board = found.leaderboard()
        said.append(board.loc[board["chosen"], "candidate"].item())
    report = getattr(found, "solver_report", None)
    if report is None or report.empty:
        return ", ".join(said)
    selected = report[report["chosen"]].iloc[-1]
    length = int(selected["channel_embedding_dim"])
    if selected["shared_ridge"] > 0:
        heads = f"heads drawn to E = {length}"
    else:
        heads = "free heads" if selected["individual"] else f"E = {length}"
    said += [heads, f"norm {selected['instance_norm']}"]
    if selected["n_factors"]:
        said.append(f"{int(selected['n_factors'])} factors")
    if selected["neighbour_lags"]:
        said.append(f"last {int(selected['neighbour_lags'])} of all channels")
    n_more = int((report["share"] > 0).sum()) - 1
    if n_more > 0:
        said.append(f"and {n_more} more")
    return ", ".join(said)


def time_of(label: Any) -> str:
    """Return the label of a row as text."""
    return f"row {label}" if isinstance(label, (int, np.integer)) else str(pd.Timestamp(label))
