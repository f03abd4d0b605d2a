"""HN-MVTS with channel vectors of several lengths."""

import argparse
import itertools

import pandas as pd

from benchmarks.backbones.rows import change, rows_of
from benchmarks.backbones.settings import cell
from benchmarks.protocol import load

LENGTHS = (0, 1, 2, 4, 8, 16, 32)
"""Of the channel vectors of HN-MVTS, up to the number of channels."""


def lengths(given: argparse.Namespace) -> pd.DataFrame:
    """Train HN-MVTS with vectors of several lengths; compare with one head for all channels."""
    table = []
    for data, backbone in itertools.product(given.data, given.backbones):
        n_channels = len(load(data, given.folder).channels)
        tried = [length for length in LENGTHS if length <= n_channels]
        cells = [
            cell(data, backbone, "hn-mvts", given.seed, channel_embedding_dim=length)
            for length in tried
        ]
        shared, *rows = rows_of(cells, given)  # length 0 is one head for all
        table_row = {"data": data, "backbone": backbone}
        for length, row in zip(tried[1:], rows, strict=True):
            if row is not None and shared is not None:
                parts = (change(row, shared, part) for part in ("test", "validation"))
                table_row[f"d = {length}"] = "{} ({})".format(*parts)
        table.append(table_row)
    return pd.DataFrame(table).fillna("")
