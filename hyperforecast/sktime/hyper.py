"""Free composition of parts as an sktime forecaster."""

from typing import Any

from darts.utils.likelihood_models.torch import TorchLikelihood

from hyperforecast.darts.hyper import PLAIN, HyperModel, HyperModelOptions
from hyperforecast.nn.errors import Problems
from hyperforecast.sktime.adapted import BaseAdaptedForecaster
from hyperforecast.sktime.solver import BaseSolverForecaster
from hyperforecast.sktime.tasks import BaseTaskForecaster


class HyperForecaster(
    HyperModelOptions, BaseTaskForecaster, BaseAdaptedForecaster, BaseSolverForecaster
):
    """Any head on any embedding, with any adapters and modulation, on any backbone.

    Each part adds generated terms to weights of the plain backbone; ``"plain"`` adds none. The
    other forecasters are choices of these under a name of their own: ``head="hn-mvts"`` is
    :class:`HNMVTSForecaster`, ``embedding="light-sae"`` is :class:`LightSAEForecaster`,
    ``adapters="mola"`` is :class:`MoLAForecaster`, ``head="individual"`` is
    :class:`BackboneForecaster` with ``individual=True``.

    Parameters
    ----------
    {parameters}

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import HyperForecaster
    >>> forecaster = HyperForecaster(input_chunk_length=4, head="hn-mvts")
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])
    HyperForecaster(head='hn-mvts', input_chunk_length=4)
    >>> y_pred = forecaster.predict()
    """

    model_class = HyperModel

    def _parameter_problems(self, likelihood: TorchLikelihood | None) -> Problems:
        problems = super()._parameter_problems(likelihood)
        if self.adapt_only and self.adapters == PLAIN:
            problems.append(
                f"adapt_only=True trains adapters alone, and with adapters={PLAIN!r} there are "
                "none. Leave it out, or choose adapters."
            )
        return problems

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        return [
            {
                **small,
                "backbone": "rmlp",
                "backbone_kwargs": {"d_model": 4},
                "embedding": "light-sae",
                "embedding_kwargs": {"rank": 2, "n_components": 3},
                "head": "hn-mvts",
                "head_kwargs": {"channel_embedding_dim": 1},
                "random_state": 3,
            },
            {
                **small,
                "backbone": "patchtst",
                "backbone_kwargs": {"d_model": 4, "n_heads": 2, "d_ff": 4, "e_layers": 1},
                "head": "individual",
                "adapters": "mola",
                "adapters_kwargs": {"rank": 2, "n_experts": 2},
                "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95),
            },
            {
                **small,
                "output_chunk_length": 3,
                "backbone": "rlinear",
                "backbone_kwargs": {"d_model": 4},
                "embedding": "light-sae",
                "embedding_kwargs": {"variant": "full"},
                "head": "hn-mvts",
                "adapters": "mola",
                "adapters_kwargs": {"n_segments": 3, "rank": 1},
                "n_base_epochs": 2,
                "likelihood": "laplace",
            },
            {
                **small,
                "backbone": "rmlp",
                "backbone_kwargs": {"d_model": 4},
                "modulation": "film",
                "modulation_kwargs": {"channel_embedding_dim": 1},
            },
            {"input_chunk_length": 4, "head": "hn-mvts", "solver": "exact"},
            {"input_chunk_length": 4, "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95)},
        ]
