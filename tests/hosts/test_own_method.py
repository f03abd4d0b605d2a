"""A method of one's own, with options of its own, in both hosts."""

import inspect
from typing import Any, Literal

import pandas as pd
import pytest
from torch import nn

from hyperforecast.darts import HyperforecastModel
from hyperforecast.darts.options import SolverOptions
from hyperforecast.nn import METHODS, Method
from hyperforecast.nn.options import option, option_group, takes
from hyperforecast.sktime import HyperforecastForecaster

L, H = 12, 3


@option_group
class DeepHeadOptions:
    """Options of a head with a hidden layer."""

    width: int = option(default=4, doc="Width of the hidden layer.")
    activation: Literal["relu", "tanh"] = option(default="relu", doc="What it is bent by.")
    dropout: float = option(default=0.0, doc="Share of its units left out in training.")
    bias: bool = option(default=True, doc="Whether it has a bias.")
    weight_decay: float = option(default=0.0, of="training", doc="Pull of the weights to zero.")


@takes(DeepHeadOptions)
class DeepHead(Method):
    """A head with a hidden layer.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    {parameters}
    """

    def __init__(self, n_channels: int, **options: Any) -> None:
        super().__init__(n_channels)
        self.options = DeepHeadOptions(**options)

    def head(self, in_features: int, out_features: int, **kwargs: Any) -> nn.Module:
        chosen = self.options
        return nn.Sequential(
            nn.Linear(in_features, chosen.width, bias=chosen.bias),
            nn.Tanh() if chosen.activation == "tanh" else nn.ReLU(),
            nn.Dropout(chosen.dropout),
            super().head(chosen.width, out_features, **kwargs),
        )


METHODS["deep-head"] = DeepHead


@option_group
class DeepHeadModelOptions(DeepHeadOptions):
    """Options of the head in both hosts."""

    backbone: str = "nlinear"


class DeepHeadModel(HyperforecastModel):
    """A head with a hidden layer.

    Parameters
    ----------
    {parameters}
    """

    method = "deep-head"
    options = DeepHeadModelOptions


class DeepHeadForecaster(DeepHeadModelOptions, HyperforecastForecaster):
    """A head with a hidden layer.

    Parameters
    ----------
    {parameters}
    """

    model_class = DeepHeadModel


del METHODS["deep-head"]
OWN = ["width", "activation", "dropout", "bias", "weight_decay"]
each_host = pytest.mark.parametrize("cls", [DeepHeadModel, DeepHeadForecaster])


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "deep-head", DeepHead)


@each_host
def test_options_are_shown_and_described(cls: type) -> None:
    names = list(inspect.signature(cls.__init__).parameters)
    first = names.index("width")
    assert names[first : first + 6] == [*OWN, "backbone"]
    parameters = inspect.signature(cls.__init__).parameters
    assert parameters["backbone"].default == "nlinear"
    assert parameters["activation"].default == "relu"
    text = inspect.getdoc(cls) or ""
    assert 'activation : {"relu", "tanh"}, default="relu"\n    What it is bent by.' in text
    assert 'backbone : str, default="nlinear"\n    ``"dlinear"``' in text


def test_options_reach_the_network(panel: pd.DataFrame) -> None:
    forecaster = DeepHeadForecaster(L, width=5, activation="tanh", n_epochs=1, random_state=0)
    assert forecaster.fit(panel, fh=range(1, H + 1)).predict().shape == (H, 3)
    hidden, activation, *_ = forecaster.model_.network.head
    assert (hidden.out_features, type(activation)) == (5, nn.Tanh)
    assert forecaster.model_.method_options == tuple(OWN)
    assert forecaster.model_.model_params["backbone"] == "nlinear"


def test_trained_weights_depend_on_what_is_declared(panel: pd.DataFrame) -> None:
    instances = pd.concat({"x": panel, "y": panel}, names=["store", "time"])
    forecaster = DeepHeadForecaster(L, n_epochs=1)
    forecaster.pretrain(instances, fh=range(1, H + 1))
    assert hasattr(forecaster.clone().set_params(weight_decay=0.1), "pretrained_")
    with pytest.warns(UserWarning, match="loses its pretrained weights: width changed"):
        forecaster.set_params(width=2)
    assert "weight_decay" in DeepHeadModel(L, H)._ckpt_skipped_params
    assert "width" not in DeepHeadModel(L, H)._ckpt_skipped_params


@each_host
def test_a_subclass_keeps_the_constructor(cls: type) -> None:
    class Named(cls):  # type: ignore[misc]
        """A subclass without options of its own."""

    parameters = list(inspect.signature(Named.__init__).parameters.values())
    assert parameters == list(inspect.signature(cls.__init__).parameters.values())
    assert Named(L, H, width=3)


def test_a_constructor_of_ones_own_is_left_alone() -> None:
    class Model(HyperforecastModel):
        """Written by hand."""

        method = "deep-head"
        method_options = ("width",)

        def __init__(
            self,
            input_chunk_length: int,
            output_chunk_length: int,
            *,
            width: int = 7,
            backbone: str = "nlinear",
            backbone_kwargs: dict | None = None,
            instance_norm: str | None = None,
            **kwargs: Any,
        ) -> None:
            super().__init__(input_chunk_length, output_chunk_length, width=width, **kwargs)

    assert Model(L, H).model_params["width"] == 7
    with pytest.raises(ValueError, match="Unknown backbone 'nlinaer'"):
        Model(L, H, backbone="nlinaer")

    class Forecaster(HyperforecastForecaster):
        """Options in the class itself."""

        model_class = Model
        depth: int = option(default=2, to="host", doc="How deep.")

    forecaster = Forecaster(L, depth=3)
    assert forecaster.get_params()["depth"] == forecaster.depth == 3
    assert forecaster.clone().depth == 3


def test_options_of_two_methods_stand_side_by_side() -> None:
    class Solved(DeepHeadModelOptions, SolverOptions, HyperforecastForecaster):
        """Solved exactly."""

        model_class = DeepHeadModel

    names = Solved.get_param_names(sort=False)
    at = names.index("solver")
    assert names[at - 1 : at + 3] == ["scaler", "solver", "solver_kwargs", "n_factors"]
