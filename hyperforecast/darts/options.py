"""Options that every Darts model has, and those of its training."""

from typing import Any, Literal

from hyperforecast.nn.options import option, option_group


@option_group
class LengthOptions:
    """Lengths of windows."""

    input_chunk_length: int = option(
        kw_only=False,
        of="lengths",
        doc="Lookback L: number of past steps that a forecast is made from.",
    )
    output_chunk_length: int = option(
        kw_only=False,
        of="lengths",
        doc="""Horizon H: number of steps forecast at once. ``predict`` goes on by itself beyond
        it.""",
    )
    output_chunk_shift: int = option(
        default=0,
        kw_only=False,
        of="lengths",
        doc="Number of steps between the end of the lookback and the first forecast step.",
    )


@option_group
class CovariateOptions:
    """What is used of the covariates."""

    use_static_covariates: bool = option(
        default=True,
        doc="Whether to use static covariates where the target series have them.",
    )


@option_group
class SolverOptions:
    """How weights that may have a closed form are found."""

    solver: Literal["auto", "exact", "adam"] = option(
        default="auto",
        of="training",
        before="n_factors",
        doc="""How the weights are found. ``"exact"`` solves for them in closed form, in seconds,
        and chooses what is not given (the instance norm, the length of channel vectors up to the
        one given, the number of factors, a ridge penalty) by the error on rows held out; it needs
        a linear backbone (DLinear, NLinear), the mean squared error or quantiles. ``"adam"`` trains
        by gradients. ``"auto"`` solves exactly where that is possible and no option of training by
        gradients (``n_epochs``, ``optimizer_kwargs``, early stopping ...) is given.""",
    )
    solver_kwargs: dict[str, Any] | None = option(
        default=None,
        of="training",
        before="n_factors",
        doc="Options of the exact solver: see :class:`~hyperforecast.nn.exact.ExactOptions`.",
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
        doc="""Epochs of the first stage; as many as of the second, ``n_epochs``, if not given.""",
    )
    base_optimizer_kwargs: dict[str, Any] | None = option(
        default=None,
        of="training",
        before="lr_scheduler_cls",
        doc="""Arguments of the optimizer in the first stage, for example ``{"lr": 1e-3}``; those of
        the second, ``optimizer_kwargs``, if not given.""",
    )


OPTIONS_OF_DARTS = """
Arguments of every Darts torch model: ``batch_size``, ``n_epochs``, ``optimizer_cls``,
``optimizer_kwargs``, ``lr_scheduler_cls``, ``lr_scheduler_kwargs``, ``loss_fn``, ``likelihood``,
``torch_metrics``, ``use_reversible_instance_norm``, ``model_name``, ``work_dir``,
``log_tensorboard``, ``nr_epochs_val_period``, ``force_reset``, ``save_checkpoints``,
``add_encoders``, ``random_state``, ``pl_trainer_kwargs``, ``show_warnings``,
``enable_finetuning``.
"""
"""What is said of the arguments that go to Darts."""
