"""Accuracy of MoLA over its number of segments, of experts, and their rank."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd

from benchmarks.mola import accuracy
from benchmarks.runs import Row, Run

SHAPES: dict[str, dict[str, int]] = {
    "plain backbone": {},
    "8 segments, 4 experts of rank 4": {},
    "2 segments": {"n_segments": 2},
    "4 segments": {"n_segments": 4},
    "24 segments": {"n_segments": 24},
    "a base of one step": {"segment_length": 1},
    "1 expert: plain LoRA": {"n_experts": 1},
    "2 experts": {"n_experts": 2},
    "8 experts: as many as segments": {"n_experts": 8},
    "rank 1": {"rank": 1},
    "rank 2": {"rank": 2},
    "rank 8": {"rank": 8},
}
"""What is different from the second, by name; the first is no MoLA."""

DEFAULT = {"n_segments": 8, "n_experts": 4, "rank": 4}


def runs(
    data: str,
    folder: str | None,
    backbones: Sequence[str],
    seeds: Sequence[int],
    shapes: Sequence[str],
    horizon: int,
    **settings: Any,
) -> Iterator[Run]:
    """Return the training of every shape; see :func:`benchmarks.mola.accuracy.measure`."""
    for backbone in backbones:
        for seed in seeds:
            for shape in shapes:
                options: dict[str, int] = {**DEFAULT, **SHAPES[shape]}
                if "segment_length" in options:
                    del options["n_segments"]
                method = "plain" if shape == "plain backbone" else "mola"
                key: Row = {"data": data, "backbone": backbone, "horizon": horizon}
                key |= {"shape": shape, "seed": seed}
                yield Run(
                    key,
                    partial(
                        accuracy.measure,
                        data,
                        folder,
                        backbone,
                        method,
                        seed,
                        options=options,
                        horizon=horizon,
                        **settings,
                    ),
                )


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, a column for each data set, horizon and backbone, of each part."""
    horizons = results["horizon"].astype(str)
    results = results.assign(of=results["data"] + " " + horizons + ", " + results["backbone"])
    results = results.rename(columns={"validation_mse": "validation", "test_mse": "test"})
    means = results.groupby(["shape", "of"])[["validation", "test"]].mean().unstack("of")
    means.columns = pd.Index([f"{of}, {part}" for part, of in means.columns])
    return means.reindex([one for one in SHAPES if one in means.index]).reset_index()
