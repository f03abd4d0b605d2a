"""Options that every Darts model has, and those of its training."""

import os
from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor

from hyperforecast.nn.options import option, option_group, options_of


@option_group
class ShiftOptions:
    """Steps between what a forecast is made from and what is forecast."""

    output_chunk_shift: int = option(
        default=0,
        kw_only=False,
        of="lengths",
        least=0,
        unit="of steps",
        doc="Number of steps between the end of the lookback and the first forecast step.",
    )


@option_group
class LengthOptions:
    """Lengths of windows."""

    input_chunk_length: int = option(
        kw_only=False,
        of="lengths",
        least=1,
        unit="of steps",
        doc="Lookback L: number of past steps that a forecast is made from.",
    )
    output_chunk_length: int = option(
        kw_only=False,
        of="lengths",
        least=1,
        unit="of steps",
        doc="""Horizon H: number of steps forecast at once. ``predict`` goes on by itself beyond
        it.""",
    )


@option_group
class CovariateOptions:
    """What is used of the covariates."""

    use_static_covariates: bool = option(
        default=True,
        doc="Whether to use static covariates where the target series have them.",
    )


@option_group
class SeriesNameOptions:
    """What series are known by."""

    series_id: str | None = option(
        default=None,
        doc="""Static covariate by which series are known where ``weights_by`` tells them apart:
        numbers or text, the same for all components of a series. It is no input of the network. If
        not given, series are univariate and known by their component's name.""",
    )


@option_group
class SolverOptions:
    """How weights that may have a closed form are found."""

    solver: Literal["auto", "exact", "adam", "adam+exact"] = option(
        default="auto",
        of="training",
        before="n_factors",
        doc="""How the weights are found. ``"exact"`` solves for them in closed form, in seconds,
        and chooses what is not given (the instance norm, the length of channel vectors up to the
        one given, the number of factors, a ridge penalty) by the error on rows held out; forecasts
        of several norms, and of lookbacks up to the one given, are added up. It needs a linear
        backbone (DLinear, NLinear), the mean squared error or quantiles. ``"adam"`` trains by
        gradients. ``"adam+exact"`` does so, and then solves for the head on the features of any
        backbone; it also chooses the length of channel vectors, up to the one trained.
        ``"auto"`` solves exactly where that is possible and no option of training by
        gradients (``n_epochs``, ``optimizer_kwargs``, early stopping ...) is given.""",
    )
    solver_kwargs: dict[str, Any] | None = option(
        default=None,
        of="training",
        before="n_factors",
        doc="""Options of the exact solver: see :class:`~hyperforecast.nn.exact.ExactOptions`, and
        with ``"adam+exact"`` :class:`~hyperforecast.nn.solved_head.HeadOptions`.""",
    )


@option_group
class HeadSolverOptions:
    """How the weights of a head are found."""

    solver: Literal["adam", "adam+exact"] = option(
        default="adam",
        of="training",
        before="n_factors",
        doc="""How the weights are found: ``"adam"`` trains by gradients. ``"adam+exact"`` does so,
        and then solves for the layers that give the forecast in closed form, on the features of
        the network as it was trained, with a ridge that is chosen on validation.""",
    )
    solver_kwargs: dict[str, Any] | None = option(
        default=None,
        of="training",
        before="n_factors",
        doc="""Options of ``"adam+exact"``: see
        :class:`~hyperforecast.nn.solved_head.HeadOptions`.""",
    )


@option_group
class TwoStageOptions:
    """How a base is trained, and then what adapts it."""

    adapt_only: bool = option(
        default=False,
        of="training",
        to="fit",
        doc="""Keep the base that was pretrained, and train the adapters alone in ``fit``
        and ``update``. ``pretrain`` trains both.""",
    )
    n_base_epochs: int | None = option(
        default=None,
        of="training",
        before="n_epochs",
        least=0,
        unit="of epochs",
        doc="""Epochs of the first stage; as many as of the second, ``n_epochs``, if not given.""",
    )
    base_optimizer_kwargs: dict[str, Any] | None = option(
        default=None,
        of="training",
        before="lr_scheduler_cls",
        doc="""Arguments of the optimizer in the first stage, for example ``{"lr": 1e-3}``; those of
        the second, ``optimizer_kwargs``, if not given.""",
    )


@option_group
class GeneratorOptions:
    """How what generates weights is trained."""

    generator_lr: float | None = option(
        default=None,
        of="training",
        before="lr_scheduler_cls",
        least=0,
        doc="""Learning rate of what generates weights, contexts and generators, by gradients; that
        of all weights if not given. A smaller one keeps generated weights nearer to where they
        start, which for many parts is the weight that all share.""",
    )


@option_group
class RunOptions:
    """How to run what is trained."""

    random_state: int | None = option(
        default=None,
        of="training",
        least=0,
        most=2**32 - 1,
        doc="""Seed: the same seed, data and version give the same forecasts, and the global random
        state is left alone.""",
    )
    pl_trainer_kwargs: dict[str, Any] | None = option(
        default=None,
        of="training",
        doc="""Arguments of Lightning's trainer, for example ``{"accelerator": "cpu"}`` or
        ``{"gradient_clip_val": 1.0}``. By default the best device at hand is used, and nothing is
        written to disk.""",
    )


@option_group
class EngineOptions(RunOptions):
    """How to train: those of the arguments of Darts' engine that both hosts have."""

    n_epochs: int | None = option(
        default=None,
        of="training",
        least=0,
        doc="Passes over the training windows; 100 if not given.",
    )
    batch_size: int = option(default=32, of="training", least=1, doc="Windows in a step.")
    optimizer_cls: type | None = option(
        default=None, of="training", doc="Torch optimizer; Adam if not given."
    )
    optimizer_kwargs: dict[str, Any] | None = option(
        default=None,
        of="training",
        doc='Arguments of the optimizer, for example ``{"lr": 1e-3}``.',
    )
    lr_scheduler_cls: type | None = option(
        default=None, of="training", doc="Torch learning-rate scheduler; none if not given."
    )
    lr_scheduler_kwargs: dict[str, Any] | None = option(
        default=None, of="training", doc="Arguments of the learning-rate scheduler."
    )
    loss_fn: Callable[..., Tensor] | None = option(
        default=None,
        of="training",
        doc="Loss of point forecasts; the mean squared error if not given.",
    )


@option_group
class DartsOptions(EngineOptions):
    """Arguments of every Darts torch model, which go to Darts as they are.

    Declared to be checked: Darts has defaults and documentation of its own.
    """

    likelihood: Any = option(
        default=None, doc="Distribution that is fitted; a point forecast if not given."
    )
    torch_metrics: Any = option(default=None, of="training", doc="Metrics that are logged.")
    use_reversible_instance_norm: bool | dict[str, Any] = option(
        default=False, doc="Whether to use Darts' own instance norm."
    )
    model_name: str | None = option(default=None, of="training", doc="Name of the run's folder.")
    work_dir: str | os.PathLike = option(
        default="darts_logs", of="training", doc="Folder of the runs."
    )
    log_tensorboard: bool = option(default=False, of="training", doc="Whether to write logs.")
    nr_epochs_val_period: int = option(
        default=1, of="training", least=1, unit="of epochs", doc="Epochs between validations."
    )
    force_reset: bool = option(
        default=False, of="training", doc="Whether to delete a run of the same name."
    )
    save_checkpoints: bool = option(default=False, of="training", doc="Whether to save epochs.")
    add_encoders: dict[str, Any] | None = option(
        default=None, doc="Covariates to be made from the time index."
    )
    show_warnings: bool = option(
        default=False, of="training", doc="Whether to show Lightning's warnings."
    )
    enable_finetuning: bool | dict[str, Any] | None = option(
        default=None, of="training", doc="Which parameters are trained."
    )


@option_group
class FitOptions:
    """Arguments of ``fit`` beside series, declared to be checked."""

    epochs: int = option(default=0, of="training", to="fit", least=0, doc="Instead of n_epochs.")
    stride: int = option(
        default=1, of="training", to="fit", least=1, unit="of steps", doc="Between windows."
    )
    max_samples_per_ts: int | None = option(
        default=None, of="training", to="fit", least=1, doc="Windows of each series."
    )
    load_best: bool = option(
        default=False, of="training", to="fit", doc="Whether to end with the best weights."
    )
    verbose: bool | None = option(default=None, of="training", to="fit", doc="Show progress.")
    dataloader_kwargs: dict[str, Any] | None = option(
        default=None, of="training", to="fit", doc="Of torch's loader."
    )


@option_group
class PredictOptions:
    """Arguments of ``predict`` beside series, declared to be checked."""

    n: int = option(to="host", least=1, unit="of steps", doc="Steps to forecast.")
    num_samples: int = option(default=1, to="host", least=1, doc="Samples of the forecast.")
    batch_size: int | None = option(default=None, to="host", least=1, doc="Windows in a pass.")
    roll_size: int | None = option(
        default=None, to="host", least=1, unit="of steps", doc="Steps that go back in."
    )
    n_jobs: int = option(default=1, to="host", doc="Processes that make series.")
    mc_dropout: bool = option(default=False, to="host", doc="Whether dropout stays active.")
    predict_likelihood_parameters: bool = option(
        default=False, to="host", doc="Whether to return the distribution's parameters."
    )
    random_state: int | None = option(
        default=None, to="host", least=0, most=2**32 - 1, doc="Seed of samples."
    )


OPTIONS_OF_DARTS = (
    "Arguments of every Darts torch model: "
    + ", ".join(f"``{one.name}``" for one in options_of(DartsOptions))
    + "."
)
"""What is said of the arguments that go to Darts."""
