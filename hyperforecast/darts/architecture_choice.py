"""One-shot choice of an architecture: all of a search space compared by one training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import pandas as pd
from darts.typing import TimeSeriesLike

from hyperforecast.darts.backbone import BackboneModel
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.hyper_tcn import HyperTCNModel
from hyperforecast.darts.one_shot import OneShotModule
from hyperforecast.nn.errors import Problems, check_whole_number, raise_all
from hyperforecast.nn.one_shot import SearchSpace
from hyperforecast.nn.option_values import Range, problem_of

OWN_TRAINING = {
    "callbacks": [],
    "enable_checkpointing": False,
    "num_sanity_val_steps": 0,
}
"""Arguments of the trainer whatever the model's are."""

NOT_USED = (
    "generator_lr",
    "lr_scheduler_cls",
    "lr_scheduler_kwargs",
    "solver",
    "solver_kwargs",
)
"""Arguments of the model that are for the training of the best."""


@dataclass(frozen=True)
class ArchitectureChoice:
    """Architectures, compared by weights of one hypernetwork.

    Parameters
    ----------
    ranking : DataFrame
        A row for each architecture, the best first: the values of its options, its ``val_loss``
        with the weights that the hypernetwork gives it, and the number of its ``parameters`` were
        it trained by itself. The index is its number in the search space.
    best : dict
        All options of the first one's backbone: ``backbone_kwargs`` of the model to train.
    """

    ranking: pd.DataFrame
    best: dict[str, Any]


def choose_architecture(
    model: HyperforecastModel,
    search_space: Mapping[str, Sequence[Any]],
    series: TimeSeriesLike,
    val_series: TimeSeriesLike,
    past_covariates: TimeSeriesLike | None = None,
    future_covariates: TimeSeriesLike | None = None,
    val_past_covariates: TimeSeriesLike | None = None,
    val_future_covariates: TimeSeriesLike | None = None,
    *,
    n_epochs: int = 20,
    hyper_hidden: Sequence[int] | None = (),
    **fit_kwargs: Any,
) -> ArchitectureChoice:
    """Compare all architectures of a search space by training one hypernetwork.

    The hypernetwork is told the architecture, and generates the weights of its backbone and head.
    In training every step takes another architecture; at the end each one forecasts the validation
    series with the weights that are generated for it. Train the best one by itself then: its
    generated weights rank it, and are not as good as its own would be.

    Parameters
    ----------
    model : HyperforecastModel
        What is to be trained with the best architecture: a
        :class:`~hyperforecast.darts.BackboneModel` with ``"tsmixer"``, ``"moderntcn"`` or
        ``"tcn"``, a :class:`~hyperforecast.darts.HyperTCNModel`, or a
        :class:`~hyperforecast.darts.HyperModel` that is one of these. It is not changed. Its
        ``backbone_kwargs`` are what all architectures have in common; batch size, loss,
        likelihood, optimizer and random state are its own. Callbacks, checkpoints, a schedule or
        ``generator_lr`` of its own, and a solver are for the training of the best.
    search_space : mapping of str to sequence
        Values to compare of each option of the backbone, for example ``{"e_layers": [1, 2, 4],
        "d_ff": [16, 64, 256]}``; all combinations are.
    series, val_series, past_covariates, future_covariates, val_past_covariates, \
val_future_covariates : TimeSeries or sequence of TimeSeries
        As to ``fit``.
    n_epochs : int, default=20
        Passes over the training windows, whatever the number of architectures.
    hyper_hidden : sequence of int, optional, default=()
        Widths of the hypernetwork's hidden layers; without any it is linear in the coded
        architecture. With ``None`` nothing is generated: architectures have entries of the same
        weights.
    **fit_kwargs
        Further arguments of ``fit``, for example ``stride``.

    Returns
    -------
    ArchitectureChoice

    Raises
    ------
    TypeError
        If ``model`` is none of this package.
    ValueError
        If the search space has no two architectures, names an option that the backbone does not
        have, or holds one that cannot be made; if the model has parts other than generated
        kernels.

    References
    ----------
    Brock, Lim, Ritchie & Weston, "SMASH: One-Shot Model Architecture Search through HyperNetworks",
    ICLR 2018, arXiv 1708.05344.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import BackboneModel, choose_architecture
    >>> series = sine_timeseries(length=200, value_frequency=0.05).astype("float32")
    >>> model = BackboneModel(24, 6, backbone="tsmixer", random_state=0)
    >>> space = {"e_layers": [1, 2], "d_ff": [4, 8]}
    >>> choice = choose_architecture(model, space, series[:150], series[150:], n_epochs=1)
    >>> sorted(choice.best)
    ['d_ff', 'e_layers']
    """
    _check_model(model)
    problems = _problems(model, search_space, n_epochs, hyper_hidden)
    if val_series is None:
        problems.append("Architectures are compared on val_series, and it is None. Give one.")
    if given := [name for name in ("epochs", "trainer", "load_best") if name in fit_kwargs]:
        problems.append(
            f"{', '.join(given)} would have no effect: the hypernetwork is trained for n_epochs, "
            "and architectures are compared at their end. Leave it out."
        )
    raise_all(problems)
    one_shot = _one_shot_model(model, search_space, n_epochs, hyper_hidden)
    one_shot.fit(
        series,
        past_covariates=past_covariates,
        future_covariates=future_covariates,
        val_series=val_series,
        val_past_covariates=val_past_covariates,
        val_future_covariates=val_future_covariates,
        **fit_kwargs,
    )
    module = cast("OneShotModule", one_shot.model)
    space = module.family.space
    ranking = pd.DataFrame(space.members).assign(
        val_loss=module.losses, parameters=module.family.n_parameters
    )
    ranking = ranking.sort_values("val_loss", kind="stable")
    return ArchitectureChoice(ranking, space.options(int(ranking.index[0])))


def _check_model(model: Any) -> None:
    if not isinstance(model, HyperforecastModel):
        raise TypeError(
            "model must be a Darts model of this package, for example "
            f"BackboneModel(96, 24, backbone='tsmixer'); got {type(model).__name__}."
        )


def _problems(
    model: HyperforecastModel,
    search_space: Mapping[str, Sequence[Any]],
    n_epochs: int,
    hidden: Sequence[int] | None,
) -> Problems:
    arguments = model.model_params
    problems = Problems()
    problems.check(check_whole_number, "n_epochs", n_epochs, least=1)
    widths = Sequence[int] | None
    problem = problem_of("hyper_hidden", hidden, widths, Range(least=1))
    problems += [] if problem is None else [problem]
    others = [name for name in model.parts(arguments) if name != HyperTCNModel.part]
    if others:
        problems.append(
            f"The architecture is chosen with one plain head for all channels, and the model has "
            f"{', '.join(map(repr, others))}. Choose it with a BackboneModel or a HyperTCNModel, "
            "and give the best options to this model."
        )
    problems.check(
        SearchSpace, arguments["backbone"], search_space, arguments.get("backbone_kwargs")
    )
    return problems


def _one_shot_model(
    model: HyperforecastModel,
    search_space: Mapping[str, Sequence[Any]],
    n_epochs: int,
    hidden: Sequence[int] | None,
) -> HyperforecastModel:
    """Return a model whose training is that of the hypernetwork."""
    arguments = dict(model.untrained_model().model_params)
    parts = model.parts(arguments)
    # a model of free parts may be either of these, too
    model_class = HyperTCNModel if parts else BackboneModel
    known = {one.name for one in model_class.constructor_options()}
    other = {one.name for one in type(model).constructor_options()} - known
    for option in (*other, *NOT_USED):
        arguments.pop(option, None)
    for options in parts.values():
        arguments |= options or {}
    trainer = {**(arguments.get("pl_trainer_kwargs") or {}), **OWN_TRAINING}
    arguments |= {
        "n_epochs": n_epochs,
        "save_checkpoints": False,
        "pl_trainer_kwargs": {**trainer, "check_val_every_n_epoch": n_epochs},
    }
    one_shot = model_class(**arguments)
    make_module = partial(OneShotModule, search_space=search_space, hidden=hidden)
    one_shot.module_class = make_module  # type: ignore[misc, assignment]  # of this one alone
    return one_shot.suggest_periods(model._suggested_periods)
