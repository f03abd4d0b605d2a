"""How backbones are trained where methods are compared on them, all else being equal."""

from typing import Any, NamedTuple

from benchmarks.cells import Cell


class Window(NamedTuple):
    """How the windows of a data set are cut, for the comparison of methods."""

    lookback: int
    horizon: int
    stride: int


WINDOWS = {
    "ETTh1": Window(96, 96, 2),
    "weather": Window(96, 96, 7),
    "exchange_rate": Window(96, 96, 2),
    "los_speed": Window(96, 12, 2),
}

WIDTHS: dict[str, dict[str, Any]] = {
    "rlinear": {"d_model": 128},
    "rmlp": {"d_model": 128},
    "patchtst": {"d_model": 16, "d_ff": 64},
    "itransformer": {"d_model": 64},
    "moderntcn": {"d_model": 16},
}
"""Options of the backbones in the comparison of methods; defaults where there are none."""


def cell(data: str, backbone: str, method: str, seed: int, **options: Any) -> Cell:
    """Return a cell of the comparison; ``options`` are those beyond what all have."""
    window = WINDOWS[data]
    common: dict[str, Any] = {"lr": 5e-4, "stride": window.stride}
    if backbone in WIDTHS:
        common["backbone_kwargs"] = WIDTHS[backbone]
    return Cell(data, window.lookback, window.horizon, backbone, method, common | options, seed)
