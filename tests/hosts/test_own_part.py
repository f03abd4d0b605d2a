"""A part of one's own, with options of its own, in both hosts."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from torch import Tensor

from hyperforecast.darts import BackboneModel, HyperforecastModel, HyperModel
from hyperforecast.darts.options import SolverOptions
from hyperforecast.nn import (
    PARTS,
    ChannelEmbedding,
    ChannelIndex,
    FreeWeights,
    LoRAExperts,
    NetworkSites,
    Part,
    Term,
    register_part,
)
from hyperforecast.nn.options import option, option_group
from hyperforecast.sktime import BaseHyperforecastForecaster

L, H = 12, 3


@option_group
class LowRankHeadOptions:
    """Options of heads that differ by little."""

    width: int = option(default=2, doc="Length of a channel's vector.")
    start: Literal["correlation", "random"] = option(
        default="correlation", doc="What it starts from."
    )
    scaling: float = option(default=1.0, doc="Factor of what is generated.")
    rank: int = option(default=1, doc="Rank by which heads differ.")
    weight_decay: float = option(default=0.0, of="training", doc="Pull of the weights to zero.")


class RandomVectors(ChannelEmbedding):
    def start_from(self, series: Sequence[Tensor]) -> None:
        """Stay at random."""


class LowRankHead(LowRankHeadOptions, Part):
    """Heads of low rank on a shared one.

    Parameters
    ----------
    {parameters}
    """

    slot = "head"

    def put_into(self, sites: NetworkSites, name: str) -> None:
        kind = RandomVectors if self.start == "random" else ChannelEmbedding
        context = kind(sites.n_channels, self.width)
        for site in sites.outputs:
            sizes = (site.n_features, site.n_outputs)
            generator = LoRAExperts(self.width, *sizes, self.rank, scaling=self.scaling)
            sites.add(site, name, Term(context, generator))


register_part("low-rank", LowRankHead)


@option_group
class LowRankHeadModelOptions(LowRankHeadOptions):
    """Options of the head in both hosts."""

    backbone: str = "nlinear"


class LowRankHeadModel(HyperforecastModel):
    """Heads of low rank on a shared one.

    Parameters
    ----------
    {parameters}
    """

    part = "low-rank"
    options = LowRankHeadModelOptions


class LowRankHeadForecaster(LowRankHeadModelOptions, BaseHyperforecastForecaster):
    """Heads of low rank on a shared one.

    Parameters
    ----------
    {parameters}
    """

    model_class = LowRankHeadModel


del PARTS["low-rank"]
OWN = ["width", "start", "scaling", "rank", "weight_decay"]
each_host = pytest.mark.parametrize("cls", [LowRankHeadModel, LowRankHeadForecaster])


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARTS, "low-rank", LowRankHead)


@each_host
def test_options_are_shown_and_described(cls: type) -> None:
    names = list(inspect.signature(cls.__init__).parameters)
    first = names.index("width")
    assert names[first : first + 6] == [*OWN, "backbone"]
    parameters = inspect.signature(cls.__init__).parameters
    assert parameters["backbone"].default == "nlinear"
    assert parameters["start"].default == "correlation"
    text = inspect.getdoc(cls) or ""
    assert 'start : {"correlation", "random"}, default="correlation"\n    What it starts' in text
    assert 'backbone : str, default="nlinear"\n    ``"dlinear"``' in text


def test_options_reach_the_network(panel: pd.DataFrame) -> None:
    forecaster = LowRankHeadForecaster(L, width=3, start="random", n_epochs=1, random_state=0)
    assert forecaster.fit(panel, fh=range(1, H + 1)).predict().shape == (H, 3)
    term = forecaster.model_.network.head.terms["low-rank"]
    assert (term.context.embedding_dim, type(term.context)) == (3, RandomVectors)
    assert forecaster.model_.model_params["backbone"] == "nlinear"


def test_trained_weights_depend_on_what_is_declared(panel: pd.DataFrame) -> None:
    instances = pd.concat({"x": panel, "y": panel}, names=["store", "time"])
    forecaster = LowRankHeadForecaster(L, n_epochs=1)
    forecaster.pretrain(instances, fh=range(1, H + 1))
    assert hasattr(forecaster.clone().set_params(weight_decay=0.1), "pretrained_")
    with pytest.warns(UserWarning, match="loses its pretrained weights: width changed"):
        forecaster.set_params(width=1)
    assert "weight_decay" in LowRankHeadModel(L, H)._ckpt_skipped_params
    assert "width" not in LowRankHeadModel(L, H)._ckpt_skipped_params


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

        part = "low-rank"

        @classmethod
        def parts(cls, arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
            return {cls.part: {"width": arguments["width"]}}

        def __init__(
            self,
            input_chunk_length: int,
            output_chunk_length: int,
            *,
            width: int = 3,
            backbone: str = "nlinear",
            backbone_kwargs: dict | None = None,
            instance_norm: str | None = None,
            **kwargs: Any,
        ) -> None:
            super().__init__(input_chunk_length, output_chunk_length, width=width, **kwargs)

    assert Model(L, H).model_params["width"] == 3
    with pytest.raises(ValueError, match="Unknown backbone 'nlinaer'"):
        Model(L, H, backbone="nlinaer")

    class Forecaster(BaseHyperforecastForecaster):
        """Options in the class itself."""

        model_class = Model
        depth: int = option(default=2, to="host", doc="How deep.")

    forecaster = Forecaster(L, depth=3)
    assert forecaster.get_params()["depth"] == forecaster.depth == 3
    assert forecaster.clone().depth == 3


def test_options_of_two_groups_stand_side_by_side() -> None:
    class Solved(LowRankHeadModelOptions, SolverOptions, BaseHyperforecastForecaster):
        """Solved exactly."""

        model_class = LowRankHeadModel

    names = Solved.get_param_names(sort=False)
    at = names.index("solver")
    assert names[at - 1 : at + 3] == ["periods", "solver", "solver_kwargs", "n_factors"]


class OwnAdapters(Part):
    """Heads of single channels on a head that is trained first."""

    slot = "adapters"

    def put_into(self, sites: NetworkSites, name: str) -> None:
        for site in sites.outputs:
            free = FreeWeights(sites.n_channels, site.n_features, site.n_outputs)
            sites.add(site, name, Term(ChannelIndex(sites.n_channels), free, adapter=True))


def test_adapters_of_ones_own_are_trained_on_a_plain_base(
    panel: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The horizon need not be cut: adapters may differ between channels alone."""
    monkeypatch.setitem(PARTS, "own", OwnAdapters)
    series = TimeSeries.from_dataframe(panel, freq="D")
    plain = BackboneModel(L, H, solver="adam", n_epochs=2, random_state=0).fit(series)
    adapted = HyperModel(L, H, adapters="own", n_base_epochs=2, n_epochs=3, random_state=0)
    adapted.fit(series)
    assert adapted.model.stage == "adapters"
    base, moved = plain.network.state_dict(), adapted.network.state_dict()
    for name, values in base.items():
        # up to rounding: the head is applied channel by channel
        torch.testing.assert_close(moved[name], values, rtol=0, atol=1e-6)
    assert (moved["head.terms.own.generator.weight"] != 0).any(dim=(1, 2)).all()
    assert not np.allclose(adapted.predict(H).values(), plain.predict(H).values())
