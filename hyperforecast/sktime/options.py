"""Options that every forecaster has, and the constructors that are made from options."""

import inspect
import warnings
from collections.abc import Sequence
from typing import Any, Literal

from darts.utils.likelihood_models.torch import TorchLikelihood
from sktime.forecasting.base import BaseForecaster

from hyperforecast.darts.options import EngineOptions
from hyperforecast.nn.options import option, option_group, options_of, show

ShortInstances = Literal["pad", "raise"]
"""What is done about instances with fewer rows than a forecast is made from."""


@option_group
class LengthOptions:
    """Lengths of windows."""

    input_chunk_length: int | None = option(
        default=None,
        kw_only=False,
        of="lengths",
        least=1,
        unit="of steps",
        doc="""Lookback L: rows that a forecast is made from. If not given, three times the horizon
        and at least 24, but no more than leaves half of the longest series' rows as forecast
        targets, and no more than the median series has.""",
    )
    output_chunk_length: int | None = option(
        default=None,
        kw_only=False,
        of="lengths",
        least=1,
        unit="of steps",
        doc="""Horizon H: steps forecast at once. If not given, the largest step of the ``fh`` that
        is passed to ``fit`` (or to ``pretrain``), and 1 where ``fit`` is given none. A longer
        ``fh`` is forecast in several rounds, each from the forecasts of the one before, where no
        past covariates stand against it.""",
    )


@option_group
class DataOptions:
    """What is made of the data."""

    past_covariates: Sequence[Any] | None = option(
        default=None,
        to="host",
        doc="""Labels of the columns of ``X`` that are known only up to the cutoff. All others are
        known ahead, and ``X`` must hold them up to the last step of ``fh``.""",
    )
    scaler: Literal["standard", "global"] | None = option(
        default="standard",
        to="host",
        doc="""Standardise every channel and every column of ``X`` by mean and deviation of the rows
        trained on: with ``"standard"``, each instance of a panel by its own rows, and those that
        come later by theirs; with ``"global"``, all by the rows of all instances. Forecasts are
        scaled back.""",
    )
    short_instances: ShortInstances = option(
        default="pad",
        of="training",
        to="host",
        doc="""What is done about instances with fewer rows than the lookback: ``"pad"`` forecasts
        them from the rows that they have, with the first one repeated before them, and says so in
        a warning; ``"raise"`` is an error that names them. Instances with fewer rows than lookback
        and horizon together are not trained on. Likewise in-sample: rows with fewer rows before
        them are forecast from these with ``"pad"``, and NaN with ``"raise"``.""",
    )


@option_group
class AttributeOptions:
    """What instances are known by."""

    static_covariates: Sequence[Any] | None = option(
        default=None,
        to="host",
        before="likelihood",
        doc="""Names of columns of ``X`` that are constant in each instance, numbers or categories,
        or of levels of the index above time. Weights are generated from them: what is learned for
        each instance beside is a free part, and an instance that was not trained on has the weights
        that they say. With ``weights_by="series"`` or ``"both"``.""",
    )


@option_group
class NewcomerOptions:
    """What comes after training."""

    newcomers: Literal["add", "encoder", "fine-tune"] | None = option(
        default=None,
        of="training",
        to="host",
        before="likelihood",
        doc="""What is done about columns of ``y`` that come in ``update`` and were not fitted, and
        with weights by series about instances that were not trained on: ``"add"`` solves for
        weights of their own on their rows, ``"encoder"`` has them read by an encoder that is
        trained on the known ones when the first newcomer comes, and ``"fine-tune"`` takes a few
        steps along gradients. An update that brings some leaves the weights of all
        others as they are, whatever ``update_params`` says. If not given, new columns are an
        error, and such instances are forecast with the weights that their attributes say, or what
        is common to all.""",
    )


@option_group
class ForecastOptions(DataOptions):
    """What is forecast, and from what."""

    likelihood: str | TorchLikelihood | None = option(
        default=None,
        doc="""Distribution that is fitted: ``"gaussian"``, ``"laplace"`` and other names of Darts'
        likelihoods, or one of its likelihood objects. ``predict`` then returns the mean (of
        ``"cauchy"``, the median).""",
    )
    quantiles: Sequence[float] | None = option(
        default=None,
        to="host",
        above=0,
        below=1,
        doc="""Quantiles to learn instead, the median among them and symmetric around it.
        ``predict`` then returns the median; quantiles in between are interpolated, beyond them
        there are none.""",
    )


@option_group
class VerboseOptions:
    """What is shown."""

    verbose: bool = option(
        default=False, of="training", to="host", doc="Show progress while training."
    )


@option_group
class TrainingOptions(VerboseOptions, EngineOptions):
    """How to train."""

    validation_size: float | None = option(
        default=None,
        of="training",
        to="host",
        before="random_state",
        above=0,
        below=1,
        doc="""Share of each series' last rows held out to validate on after every epoch, in (0, 1).
        The weights of the epoch with the lowest validation loss are kept.""",
    )
    patience: int | None = option(
        default=None,
        of="training",
        to="host",
        before="random_state",
        least=1,
        unit="of epochs",
        doc="Epochs without a lower validation loss after which training stops.",
    )


@option_group
class UpdateOptions:
    """How ``update`` goes on from weights that were solved exactly."""

    forgetting: float = option(
        default=1.0,
        of="training",
        to="host",
        doc="""How much a window counts in ``update`` beside one that is a step later, in (0, 1]:
        with 0.99 one of a hundred steps before counts about a third. It takes the config
        ``remember_data=False``; the weights of ``fit`` itself count all windows alike.""",
    )


def make_constructor(cls: type) -> None:
    """Give a forecaster the constructor that stores its options as they are given.

    It does nothing else, and is shown with its options, as is the class in its documentation.
    """
    options = options_of(cls)
    signature = inspect.Signature([one.parameter() for one in options])

    def __init__(self: BaseForecaster, *args: Any, **kwargs: Any) -> None:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.__init__() {error}") from None
        given.apply_defaults()
        for name, value in given.arguments.items():
            setattr(self, name, value)
        with warnings.catch_warnings():
            # the forecasters say themselves what is remembered
            warnings.filterwarnings(
                "ignore", message=".*default of config ``remember_data``", category=FutureWarning
            )
            BaseForecaster.__init__(self)

    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    cls.__init__ = __init__  # type: ignore[misc]
    show(cls, options)
