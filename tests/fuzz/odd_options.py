"""Options of every type and size, and options that do not go together."""

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import numpy as np
import torch
from darts.utils.likelihood_models.torch import GaussianLikelihood, QuantileRegression
from hypothesis import strategies as st

import hyperforecast.darts
import hyperforecast.sktime
from hyperforecast.darts.options import DartsOptions
from hyperforecast.nn.backbones import BACKBONES
from hyperforecast.nn.layers.instance_norm import INSTANCE_NORMS
from hyperforecast.nn.options import Option, options_of
from tests.fuzz.cases import CPU, QUICK, Data, Host, Setting, tables
from tests.fuzz.hosts import fit, forecast
from tests.fuzz.outcomes import WrongForecastError

MODELS = ("Backbone", "HNMVTS", "LightSAE", "MoLA", "Hyper")

ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 1.5, 10**12, -(10**12), 1e30, 1e-30, 0.5),
    *(float("nan"), float("inf"), -float("inf"), np.int64(2), np.float64("nan"), np.float32(1)),
    *("", "3", "dlinear", "adam", "none", b"x", 1j),
    *([], [1], [1.5], ["x"], (), (0.1, 0.5, 0.9), [0.5, np.nan], {}, {"lr": 1e30}, {"x": 1}),
    *({"lr": float("nan")}, {"callbacks": 1}, {"max_epochs": 1, **CPU}, {1, 2}, range(3)),
    *(np.array([1, 2]), torch.tensor(1.0), torch.nn.MSELoss, torch.nn.L1Loss(), object, int),
    *(torch.optim.SGD, torch.optim.lr_scheduler.ExponentialLR, GaussianLikelihood()),
]

LARGE = ODD.index(10**12)

LONG_RUNS = ("n_epochs", "n_base_epochs")
"""Options with which a large number is a long run, as it should be."""


@dataclass(frozen=True)
class Options:
    """A model with options, by their places in :data:`ODD` or in what is right for them."""

    host: Host
    model: str
    odd: tuple[tuple[str, int], ...]
    right: tuple[tuple[str, int], ...] = ()

    def values(self) -> dict[str, Any]:
        """Return the options with their values."""
        choices = {one.name: right_values(one) for one in declared(self.host, self.model)}
        right = {name: choices[name][i % len(choices[name])] for name, i in self.right}
        odd = {name: ODD[i % len(ODD)] for name, i in self.odd}
        short = {name: 1 for name in LONG_RUNS if odd.get(name) is ODD[LARGE]}
        return {**right, **odd, **short}

    def __repr__(self) -> str:
        return f"Options({self.host}, {self.model}, {self.values()!r})"


def declared(host: Host, model: str) -> list[Option]:
    """Return the options of a model in a host."""
    if host == "sktime":
        return options_of(getattr(hyperforecast.sktime, f"{model}Forecaster"))
    model_class = getattr(hyperforecast.darts, f"{model}Model")
    return [*model_class.constructor_options(), *options_of(DartsOptions)]


def right_values(option: Option) -> list[Any]:
    """Return values that an option can have, alone."""
    known: dict[str, list[Any]] = {
        "backbone": list(BACKBONES),
        "backbone_kwargs": [None, {"d_model": 4}, {"dropout": 0.1}, {"d_ff": 4, "e_layers": 1}],
        "instance_norm": [None, *INSTANCE_NORMS],
        "solver_kwargs": [None, {"ridge": 0.1}, {"validation_size": 0.5}, {"embedding_steps": 2}],
        "head": ["plain", "individual", "hn-mvts"],
        "embedding": ["plain", "light-sae"],
        "modulation": ["plain", "film"],
        "adapters": ["plain", "mola"],
        "optimizer_cls": [None, torch.optim.SGD],
        "optimizer_kwargs": [None, {"lr": 1e-3}],
        "lr_scheduler_cls": [None, torch.optim.lr_scheduler.ConstantLR],
        "loss_fn": [None, torch.nn.L1Loss(), torch.nn.MSELoss()],
        "likelihood": [None, GaussianLikelihood(), QuantileRegression([0.1, 0.5, 0.9])],
        "quantiles": [None, (0.1, 0.5, 0.9)],
        "pl_trainer_kwargs": [CPU, {**CPU, "gradient_clip_val": 1.0}],
        "enable_finetuning": [None, {"freeze": ["*bias*"]}],
        "add_encoders": [None, {"position": {"future": ["relative"]}}],
        "adapted_layers": [None, ["head"], ["backbone*"]],
        "modulated": [None, ["features"]],
        "hyper_hidden": [(), (4,)],
        "validation_size": [None, 0.3],
        "patience": [None, 1],
        "n_factors": [None, 0, 1],
        "work_dir": [None],
        "model_name": [None],
        "save_checkpoints": [False],
        "log_tensorboard": [False],
        "past_covariates": [None],
        "verbose": [False],
        "torch_metrics": [None],
    }
    if option.name in known:
        return known[option.name]
    kinds = get_args(option.annotation) or (option.annotation,)
    if get_origin(option.annotation) is Literal:
        return list(kinds)
    literals = [v for kind in kinds if get_origin(kind) is Literal for v in get_args(kind)]
    if literals:
        return [None, *literals]
    if bool in kinds:
        return [False, True]
    if option.name.endswith("_kwargs"):
        return [None, {"rank": 1}, {"channel_embedding_dim": 1}]
    return [1, 2] if option.required else [option.default, 1, 2]


@st.composite
def some_options(draw: st.DrawFn, host: Host, *, odd: bool) -> Options:
    """Draw a model and some of its options: odd ones, or right ones that may contradict."""
    model = draw(st.sampled_from(MODELS))
    names = [one.name for one in declared(host, model)]
    some = st.lists(st.sampled_from(names), min_size=1, max_size=2 if odd else 6, unique=True)
    chosen = tuple((name, draw(st.integers(0, len(ODD) - 1))) for name in draw(some))
    return Options(host, model, *((chosen,) if odd else ((), chosen)))


DATA = Data(rows=30, channels=2)


def run(case: Options) -> None:
    """Raise :class:`WrongForecastError` unless forecasts are finite."""
    options = {"pl_trainer_kwargs": CPU, **case.values()}
    if case.model in ("LightSAE", "MoLA") or "n_epochs" in options or "solver" in options:
        options = {**QUICK, **options}
    setting, given = Setting(case.model, options), tables(DATA)
    found = forecast(case.host, fit(case.host, setting, given), given)
    if not all(np.isfinite(one.to_numpy()).all() for one in found):
        raise WrongForecastError("not finite")
