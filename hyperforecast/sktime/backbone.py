"""The plain backbone as an sktime forecaster."""

from typing import Any

from hyperforecast.darts.backbone import BackboneModel, BackboneModelOptions
from hyperforecast.sktime.solver import BaseSolverForecaster


class BackboneForecaster(BackboneModelOptions, BaseSolverForecaster):
    """A backbone without generated weights: the baseline of every comparison.

    Parameters
    ----------
    {parameters}

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from hyperforecast.sktime import BackboneForecaster
    >>> forecaster = BackboneForecaster(backbone="nlinear")
    >>> forecaster.fit(load_airline(), fh=[1, 2, 3])
    BackboneForecaster(backbone='nlinear')
    >>> y_pred = forecaster.predict()
    """

    model_class = BackboneModel

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        return [
            {**small, "individual": True},
            {"input_chunk_length": 4, "solver": "exact"},
            {**small, "backbone": "nlinear", "likelihood": "gaussian"},
            {
                **small,
                "output_chunk_length": 3,
                "backbone": "rmlp",
                "backbone_kwargs": {"d_model": 4},
                "scaler": None,
            },
        ]
