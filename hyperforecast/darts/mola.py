"""MoLA as a Darts model."""

from hyperforecast.darts.adapters.adapted import AdaptedModel
from hyperforecast.darts.options import GeneratorOptions, HeadSolverOptions, TwoStageOptions
from hyperforecast.nn.options import option_group
from hyperforecast.nn.parts.mola import MoLAOptions


@option_group
class MoLAModelOptions(MoLAOptions, TwoStageOptions, HeadSolverOptions, GeneratorOptions):
    """Options of MoLA in both hosts, beside those of every model."""

    backbone: str = "itransformer"


class MoLAModel(AdaptedModel):
    """Every segment of the horizon has weights of its own, of which most are shared.

    Training has two stages. The first trains the backbone to forecast the first segment of the
    horizon. The second holds it still, and trains for each of its linear layers a few low-rank
    experts, which every segment mixes in its own way. Both happen in one ``fit``, each with its
    own epochs, early stopping and best weights. After training the sums are fixed: each segment
    costs what the backbone costs, and a shorter forecast computes its segments only.

    Parameters
    ----------
    {parameters}

    Notes
    -----
    On the default backbone, iTransformer, a fit costs some thirty times what one of DLinear by
    gradients costs, and on DLinear twice (``python -m benchmarks.mola.cost``).

    The first stage works on copies of the trainer and its callbacks, so that the state of an
    early stopping, say, is that of one stage. A callback with an attribute ``stage``, ``"base"`` or
    ``"adapters"``, works in that one only, and is not copied for it; one that reports to a study
    of Optuna works in the second unless it has that attribute. Steps that loggers write go on from
    the first stage to the second.

    In the first stage ``train_loss`` and ``val_loss`` are those of the first segment. A metric
    ``stage``, 1 or 2, is logged beside them; checkpoints of the first stage are called
    ``best-base-…`` and ``last-base-…``, and training that is resumed from one goes on with the rest
    of its stage, and with the second. ``lr_find`` works on the stage that the model is in: the
    first until ``fit``, the second from then on. ``n_epochs`` and ``optimizer_kwargs`` are those of
    the second stage.

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import MoLAModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = MoLAModel(24, 6, n_segments=3, backbone_kwargs={"d_model": 8}, n_epochs=1)
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    part = "mola"
    options = MoLAModelOptions
