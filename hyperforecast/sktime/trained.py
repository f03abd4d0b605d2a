"""A trained Darts model with what belongs to it on the sktime side."""

import copy
import io
import pickle
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.training.random_turns import random_turn
from hyperforecast.nn.exact import RunningFit
from hyperforecast.sktime.attributes import Known
from hyperforecast.sktime.instances import Key
from hyperforecast.sktime.scaling import InstanceScaler, Scale


@dataclass
class Trained:
    """A trained model, the names of its inputs, and their scales.

    It pickles and copies with its weights, which a Darts model alone leaves behind, and it
    unpickles on machines without the device that it was trained on. The weights are numbers and
    names, and are read as such: no code within them is run. Whoever unpickles runs what the
    pickle around them says, though.
    """

    model: HyperforecastModel
    channels: list[Any]
    """Column labels of y in the order of the weights."""
    future: list[Any]
    """Column labels of X that are known ahead."""
    past: list[Any]
    """Column labels of X that are known up to now."""
    y_scaler: InstanceScaler
    X_scaler: InstanceScaler
    """Of the columns ``future + past``."""
    options: dict[str, Any]
    """Parameters of the forecaster that the weights depend on."""
    running: RunningFit | None = None
    """Moments of what was seen, of a model that was solved exactly."""
    counted: dict[Key, Any] = field(default_factory=dict)
    """Label of the last row of each instance that is in the moments."""
    known: Known = field(default_factory=dict)
    """Static covariates of instances."""
    freq: Any = None
    """Step of the time index, where phases of periods matter."""

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

    def scales(self, key: Key, y: np.ndarray) -> tuple[Scale, Scale]:
        """Return the scales of y and X of an instance, of which ``y`` (T, C) are rows.

        A channel that was constant has no deviation, and is scaled by the rows at hand, so that
        one that begins to vary is forecast from them. A column of X that an instance holds
        constant says how instances differ: it is scaled by the rows of all.
        """
        y_scale = self.y_scaler.of(key)
        if not y_scale.deviation.all():
            y_scale = y_scale.completed(Scale.of(y))
        return y_scale, self.X_scaler.of(key).completed(self.X_scaler.common)

    def __getstate__(self) -> dict[str, Any]:
        assert self.model.model is not None
        buffer = io.BytesIO()
        torch.save(self.model.model.state_dict(), buffer)
        return {**self.__dict__, "weights": buffer.getvalue()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        try:
            weights = torch.load(
                io.BytesIO(state.pop("weights")), map_location="cpu", weights_only=True
            )
        except pickle.UnpicklingError as error:
            raise ValueError(
                "The weights of this forecaster cannot be read: expected numbers and names, and "
                "found something else, of which nothing was run. It was saved by another version, "
                "or changed since. Load it with the version that saved it, or fit again."
            ) from error
        self.__dict__.update(state)
        with random_turn():  # what is drawn is written over
            module = self.model._create_model(self.model.train_sample)
        floats = (value.dtype for value in weights.values() if torch.is_tensor(value))
        module.to(next(dtype for dtype in floats if dtype.is_floating_point))
        module.load_state_dict(weights)
        self.model.model = module

    def __deepcopy__(self, memo: dict) -> Self:
        """Copy without a detour through bytes."""
        duplicate = self.__class__.__new__(self.__class__)
        memo[id(self)] = duplicate
        duplicate.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return duplicate
