"""A trained Darts model with what belongs to it on the sktime side."""

import io
from dataclasses import dataclass, field
from typing import Any

import torch

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.nn.exact import RunningFit
from hyperforecast.sktime.instances import Key
from hyperforecast.sktime.scaling import ChannelScaler


@dataclass
class Trained:
    """A trained model, the names of its inputs, and their scales.

    It pickles and copies with its weights, which a Darts model alone leaves behind, and it
    unpickles on machines without the device that it was trained on.
    """

    model: HyperforecastModel
    channels: list[Any]
    """Column labels of y in the order of the weights."""
    future: list[Any]
    """Column labels of X that are known ahead."""
    past: list[Any]
    """Column labels of X that are known up to now."""
    y_scaler: ChannelScaler
    X_scaler: ChannelScaler
    """Of the columns ``future + past``."""
    options: dict[str, Any]
    """Parameters of the forecaster that the weights depend on."""
    running: RunningFit | None = None
    """Moments of what was seen, of a model that was solved exactly."""
    counted: dict[Key, Any] = field(default_factory=dict)
    """Label of the last row of each instance that is in the moments."""

    @property
    def covariates(self) -> list[Any]:
        """Column labels of X in the order of the weights."""
        return self.future + self.past

    @property
    def lookback(self) -> int:
        """Rows that a forecast is made from."""
        return self.model.input_chunk_length

    @property
    def horizon(self) -> int:
        """Steps forecast at once."""
        return self.model.output_chunk_length

    def __getstate__(self) -> dict[str, Any]:
        buffer = io.BytesIO()
        torch.save(self.model.model, buffer)
        return {**self.__dict__, "weights": buffer.getvalue()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        buffer = io.BytesIO(state.pop("weights"))
        self.__dict__.update(state)
        self.model.model = torch.load(buffer, map_location="cpu", weights_only=False)
