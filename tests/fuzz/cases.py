"""What is generated: made data, and models with options, small enough to be fitted in no time.

Cases are plain values, so that one is repeated by its representation.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

Host = str
HOSTS = ("darts", "sktime")

L, H = 6, 3
ROWS = 40
AHEAD = H + 2
"""Rows of covariates after the last of the series: of a horizon, and of a shift before it."""
NAMES = ("a", "b", "c", "d")

CPU = {"accelerator": "cpu"}
QUICK: dict[str, Any] = {
    "n_epochs": 1,
    "batch_size": 64,
    "random_state": 0,
    "pl_trainer_kwargs": CPU,
}
"""Training by gradients."""

SMALL = {"d_model": 4}
ATTENTION = {"d_model": 4, "n_heads": 2, "e_layers": 1, "d_ff": 4}


@dataclass(frozen=True)
class Setting:
    """A model by the name that it has in both hosts, and its options."""

    model: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def exact(self) -> bool:
        """Whether the weights are solved for."""
        return "n_epochs" not in self.options

    @property
    def fixed(self) -> bool:
        """Whether nothing is left to be chosen by the error on held-out rows."""
        return {"instance_norm", "n_factors", "solver_kwargs"} <= self.options.keys()


def solved(model: str, **options: Any) -> Setting:
    return Setting(model, options)


def trained(model: str, **options: Any) -> Setting:
    return Setting(model, {**QUICK, **options})


FIXED = {"solver_kwargs": {"ridge": 1e-3}, "n_factors": 0}

EXACT = [
    solved("Backbone"),
    solved("Backbone", individual=True),
    solved("Backbone", backbone="nlinear"),
    solved("Backbone", instance_norm="none", **FIXED),
    solved("Backbone", instance_norm="mean", individual=True, **FIXED),
    solved("Backbone", instance_norm="last", solver_kwargs={"ridge": 1e-3}, n_factors=1),
    solved("HNMVTS"),
    solved("HNMVTS", channel_embedding_dim=1, instance_norm="none", **FIXED),
    solved("HNMVTS", backbone="nlinear", n_factors=1),
    solved("Hyper", head="hn-mvts"),
    solved("Hyper", head="individual"),
]

GRADIENTS = [
    trained("Backbone"),
    trained("Backbone", backbone="rlinear", backbone_kwargs=SMALL),
    trained("Backbone", backbone="rmlp", backbone_kwargs=SMALL, individual=True),
    trained("Backbone", backbone="tsmixer", backbone_kwargs={"d_ff": 4, "e_layers": 1}),
    trained("Backbone", backbone="patchtst", backbone_kwargs=ATTENTION),
    trained("Backbone", backbone="itransformer", backbone_kwargs=ATTENTION),
    trained("Backbone", backbone="moderntcn", backbone_kwargs={"d_model": 4, "e_layers": 1}),
    trained("HNMVTS", channel_embedding_dim=1),
    trained("HNMVTS", hyper_hidden=(4,), backbone="nlinear", channel_embedding_dim=1),
    trained("LightSAE", backbone_kwargs=SMALL, rank=1, n_components=2),
    trained("LightSAE", backbone="dlinear", embedding_dim=4, rank=1),
    trained("LightSAE", backbone_kwargs=SMALL, variant="full"),
    trained("MoLA", backbone="rlinear", backbone_kwargs=SMALL, n_experts=2, rank=1),
    trained("MoLA", backbone="dlinear", n_segments=3, rank=1, mixing="free"),
    trained(
        "Hyper",
        backbone="rmlp",
        backbone_kwargs=SMALL,
        embedding="light-sae",
        embedding_kwargs={"rank": 1},
        head="hn-mvts",
        modulation="film",
        adapters="mola",
        adapters_kwargs={"rank": 1},
    ),
]

settings_of_models = st.sampled_from([*EXACT, *GRADIENTS])


@dataclass(frozen=True)
class Data:
    """Made data; :func:`tables` makes them."""

    seed: int = 0
    rows: int = ROWS
    channels: int = 2
    series: int = 1
    kind: str = "seasonal"
    scale: float = 1.0
    offset: float = 0.0
    spread: float = 1.0
    """Ratio of the units of one channel to those of the one before."""
    dtype: str = "float64"
    index: str = "days"
    past: int = 0
    future: int = 0
    static: int = 0


KINDS = ("seasonal", "walk", "noise", "trend", "constant", "one constant", "counts", "zeros")
INDICES = ("days", "hours", "months", "weeks", "business days", "range", "range by two", "late")

powers = st.integers(-12, 12).map(lambda power: 10.0**power)
common = st.sampled_from([1.0, 1.0, 1.0, 100.0])

regular_data = st.builds(
    Data,
    seed=st.integers(0, 2**16),
    rows=st.sampled_from([L + H, 12, 20, 40, 60]),
    channels=st.integers(1, 4),
    series=st.sampled_from([1, 1, 2, 3]),
    kind=st.sampled_from(KINDS),
    scale=st.one_of(common, powers),
    offset=st.one_of(st.just(0.0), st.sampled_from([-1e3, 1.0, 1e6, 1e10])),
    spread=st.sampled_from([1.0, 1.0, 10.0, 1e-6, 1e6]),
    dtype=st.sampled_from(["float64", "float64", "float32"]),
    index=st.sampled_from(INDICES),
    past=st.sampled_from([0, 0, 1, 2]),
    future=st.sampled_from([0, 0, 1, 2]),
    static=st.sampled_from([0, 0, 1, 2]),
)


@dataclass
class Tables:
    """Series as tables: each a list over the series, with rows ahead where they are known."""

    y: list[pd.DataFrame]
    past: list[pd.DataFrame] | None = None
    future: list[pd.DataFrame] | None = None
    static: list[pd.DataFrame] | None = None

    def copy(self) -> "Tables":
        """Return a copy whose tables can be changed."""
        return Tables(
            *(
                None if tables is None else [table.copy() for table in tables]
                for tables in (self.y, self.past, self.future, self.static)
            )
        )


def tables(data: Data) -> Tables:
    """Make the tables of some data."""
    random = np.random.default_rng(data.seed)
    index = time_index(data.index, data.rows + AHEAD)
    y, past, future, static = [], [], [], []
    for _ in range(data.series):
        values = _values(data, random)
        drivers = random.normal(size=(data.rows + AHEAD, data.past + data.future))
        if drivers.size and "constant" not in data.kind and data.kind != "zeros":
            values = values + 0.5 * drivers[: data.rows, -1:]
        units = data.scale * data.spread ** np.arange(data.channels)
        values = (values * units + data.offset).astype(data.dtype)
        y.append(_table(values, index[: data.rows], NAMES[: data.channels]))
        drivers = drivers.astype(data.dtype)
        past.append(_table(drivers[:, : data.past], index, ["p", "q"][: data.past]))
        future.append(_table(drivers[:, data.past :], index, ["f", "g"][: data.future]))
        statics = random.normal(size=(data.channels, data.static)).astype(data.dtype)
        static.append(_table(statics, NAMES[: data.channels], ["s", "t"][: data.static]))
    return Tables(
        y,
        past if data.past else None,
        future if data.future else None,
        static if data.static else None,
    )


def _table(values: np.ndarray, index: Any, columns: Any) -> pd.DataFrame:
    return pd.DataFrame(values, index=index, columns=list(columns))


def _values(data: Data, random: np.random.Generator) -> np.ndarray:
    time = np.arange(data.rows)[:, None]
    shape = (data.rows, data.channels)
    phases = random.uniform(0, 6, size=data.channels)
    seasonal = np.sin(2 * np.pi * time / 7 + phases) + 0.1 * random.normal(size=shape)
    if data.kind == "seasonal":
        return seasonal
    if data.kind == "walk":
        return random.normal(size=shape).cumsum(axis=0)
    if data.kind == "noise":
        return random.normal(size=shape)
    if data.kind == "trend":
        return 0.1 * time + 0.01 * random.normal(size=shape)
    if data.kind == "counts":
        return random.poisson(3, size=shape).astype(float)
    if data.kind == "zeros":
        return np.zeros(shape)
    if data.kind == "one constant":
        seasonal[:, 0] = phases[0]
        return seasonal
    return np.broadcast_to(phases, shape).copy()


def time_index(kind: str, n: int) -> pd.Index:
    """Return an index of ``n`` times of a kind."""
    if kind == "range":
        return pd.RangeIndex(n)
    if kind == "range by two":
        return pd.RangeIndex(10, 10 + 2 * n, 2)
    start = "1700-01-01" if kind == "late" else "2020-01-31"
    frequency = {"hours": "h", "months": "ME", "weeks": "W-TUE", "business days": "B"}
    return pd.date_range(start, periods=n, freq=frequency.get(kind, "D"))
