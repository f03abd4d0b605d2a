"""Every backbone on a setting of its paper."""

import argparse
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.backbones.rows import change, rows_of
from benchmarks.cells import Cell


class Published(NamedTuple):
    """A setting of a paper, what it says of it, and how it is trained here."""

    data: str
    lookback: int
    horizon: int
    backbone: str
    mse: float
    options: dict[str, Any]


# small widths of the papers' own for ETTh1; windows a few steps apart are nearly the same, so
# every seventh or tenth of Weather's is enough for an epoch
PUBLISHED = [
    Published("ETTh1", 336, 96, "dlinear", 0.375, {"lr": 3e-4}),
    Published(
        "ETTh1",
        336,
        96,
        "patchtst",
        0.375,
        {
            "lr": 5e-4,
            "batch_size": 64,
            "stride": 3,
            "backbone_kwargs": {"d_model": 16, "d_ff": 128, "e_layers": 3, "dropout": 0.3},
        },
    ),
    Published(
        "ETTh1",
        512,
        96,
        "tsmixer",
        0.361,
        {"lr": 5e-4, "stride": 3, "backbone_kwargs": {"e_layers": 2, "dropout": 0.9}},
    ),
    Published("ETTh1", 336, 96, "moderntcn", 0.368, {"lr": 5e-4, "batch_size": 64, "stride": 3}),
    Published("ETTh1", 96, 96, "itransformer", 0.386, {"lr": 5e-4}),
    Published("ETTh1", 96, 96, "rlinear", 0.386, {"lr": 5e-4}),
    Published("weather", 336, 96, "dlinear", 0.176, {"lr": 1e-3, "batch_size": 256, "stride": 7}),
    Published(
        "weather",
        336,
        96,
        "patchtst",
        0.152,
        {"lr": 1e-3, "stride": 7, "backbone_kwargs": {"d_model": 32, "d_ff": 64}},
    ),
    Published(
        "weather",
        512,
        96,
        "tsmixer",
        0.145,
        {"lr": 5e-4, "stride": 10, "backbone_kwargs": {"e_layers": 4, "d_ff": 32, "dropout": 0.3}},
    ),
    Published(
        "weather",
        336,
        96,
        "moderntcn",
        0.149,
        {"lr": 5e-4, "stride": 10, "backbone_kwargs": {"d_model": 32, "dropout": 0.4}},
    ),
    Published(
        "weather",
        96,
        96,
        "itransformer",
        0.174,
        {"lr": 5e-4, "stride": 3, "backbone_kwargs": {"e_layers": 3}},
    ),
    Published("weather", 96, 96, "rlinear", 0.192, {"lr": 5e-4, "stride": 3}),
]


def published(given: argparse.Namespace) -> pd.DataFrame:
    """Train the cells of the papers; compare."""
    wanted = [
        setting
        for setting in PUBLISHED
        if setting.data in given.data and setting.backbone in given.backbones
    ]
    cells = [Cell(*setting[:4], "plain", setting.options, given.seed) for setting in wanted]
    return pd.DataFrame(
        [
            {
                "data": f"{setting.data} {setting.lookback}→{setting.horizon}",
                "backbone": setting.backbone,
                "published": setting.mse,
                "here": row["test_mse"],
                "difference": change(row, {"test_mse": setting.mse}, "test"),
                "epochs": row["epochs"],
                "parameters": row["parameters"],
            }
            for setting, row in zip(wanted, rows_of(cells, given), strict=True)
            if row is not None
        ]
    )
