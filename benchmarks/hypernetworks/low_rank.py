"""Parameters of HN-MVTS whose heads are generated dense, and of low rank."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmarks.hypernetworks.comparisons import Sizes, make_network
from hyperforecast.nn.summary import summarise

SIZES = Sizes(lookback=336, horizon=96, n_channels=21)
DIM = 8
BACKBONES: dict[str, dict[str, Any]] = {
    "dlinear": {},
    "rlinear": {"d_model": 512},
    "patchtst": {"d_model": 64},
    "itransformer": {"d_model": 128},
}


def low_rank(ranks: Sequence[int]) -> pd.DataFrame:
    """Count the parameters of generators of the heads of Weather's 21 channels, 336→96."""
    rows = []
    for backbone, widths in BACKBONES.items():
        row: dict[str, Any] = {"backbone": backbone}
        for rank in (None, *ranks):
            part = {"channel_embedding_dim": DIM, "rank": rank}
            *_, whole = summarise(make_network(SIZES, backbone, widths, {"hn-mvts": part}))
            if rank is None:
                row["plain network"] = whole.plain_parameters
            row["dense" if rank is None else f"rank {rank}"] = whole.generator_parameters
        rows.append(row)
    return pd.DataFrame(rows)
