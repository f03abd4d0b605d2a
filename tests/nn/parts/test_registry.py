"""Parts by name, and parts of a user's own."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import (
    BACKBONES,
    PARTS,
    Condition,
    Context,
    ForecastingNetwork,
    Generator,
    HyperLinear,
    NetworkSites,
    Part,
    Segments,
    Term,
    register_backbone,
    register_part,
)
from hyperforecast.nn.generators.base import Cost, along
from hyperforecast.nn.parts import SLOTS, make_parts, part_options, parts_of_slot
from hyperforecast.nn.sites import matching

B, L, H, C = 6, 16, 4, 3


class WindowSummary(Context):
    """A learned summary of a window: a linear map of its mean over the channels."""

    axis = "window"

    def __init__(self, lookback: int, length: int) -> None:
        super().__init__()
        self.map = nn.Linear(lookback, length)

    def forward(self, condition: Condition | None = None) -> Tensor:
        assert condition is not None
        return self.map(condition.window.mean(dim=1)).tanh()


class OuterProducts(Generator):
    """Low-rank matrices U(c) V(c)^T, both factors linear in the context; zero at the start."""

    def __init__(self, context_dim: int, in_features: int, out_features: int, rank: int) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.randn(context_dim, rank, out_features) / 4)
        self.right = nn.Parameter(torch.zeros(context_dim, rank, in_features))

    def generate(self, context: Tensor) -> tuple[Tensor, None]:
        left, right = self._factors(context)
        return left.transpose(1, 2) @ right, None

    def contract(self, context: Tensor, x: Tensor, axis: int) -> Tensor:
        left, right = self._factors(context)
        hidden = (along(right, axis, x.dim() + 1) * x.unsqueeze(-2)).sum(dim=-1)  # (..., r)
        return (along(left, axis, x.dim() + 1) * hidden.unsqueeze(-1)).sum(dim=-2)

    def cost(self) -> Cost:
        _, rank, n_out = self.left.shape
        n_in = self.right.shape[2]
        return Cost(rank * n_in * n_out, rank * (n_in + n_out), rank + n_out)

    def _factors(self, context: Tensor) -> tuple[Tensor, Tensor]:
        return (
            torch.einsum("ne,ero->nro", context, self.left),
            torch.einsum("ne,eri->nri", context, self.right),
        )


class DynamicHead(Part):
    """Last layers whose weights a summary of the window changes by a low-rank matrix."""

    slot = "head"

    def __init__(self, *, length: int = 3, rank: int = 2) -> None:
        self.length = length
        self.rank = rank

    def put_into(self, sites: NetworkSites, name: str) -> None:
        context = WindowSummary(L, self.length)
        for site in sites.outputs:
            sizes = (site.n_features, site.n_outputs)
            generator = OuterProducts(self.length, *sizes, self.rank)
            sites.add(site, name, Term(context, generator))


class DynamicLayers(Part):
    """Any linear layers, changed in the same way."""

    slot = "adapters"

    def __init__(self, *, layers: tuple[str, ...] = ("backbone.layers.0.attention.query",)) -> None:
        self.layers = layers

    def put_into(self, sites: NetworkSites, name: str) -> None:
        for site in matching(sites.of_kind("linear"), self.layers, "layers"):
            generator = OuterProducts(3, site.n_features, site.n_outputs, 2)
            sites.add(site, name, Term(WindowSummary(L, 3), generator))


@pytest.fixture(autouse=True)
def own_parts() -> Iterator[None]:
    """Parts of a user's own, registered for one test."""
    register_part("dynamic-head", DynamicHead)
    register_part("dynamic-layers", DynamicLayers)
    yield
    del PARTS["dynamic-head"], PARTS["dynamic-layers"]


DYNAMIC: dict[str, tuple[str, dict[str, Any]]] = {
    "head": ("dlinear", {"dynamic-head": {}}),
    "head-of-patchtst": ("patchtst", {"dynamic-head": {"rank": 1}}),
    "query": ("patchtst", {"dynamic-layers": None}),
    "both": ("patchtst", {"dynamic-head": {}, "dynamic-layers": None}),
    "beside-mola": ("rmlp", {"dynamic-head": {}, "mola": {"n_segments": 2, "n_experts": 2}}),
    "beside-light-sae": ("rmlp", {"dynamic-head": {}, "light-sae": {"n_components": 2}}),
    "beside-hn-mvts": (
        "itransformer",
        {"hn-mvts": {}, "dynamic-layers": {"layers": ("*.attention.*", "head")}},
    ),
}
SMALL = {"d_model": 8, "dropout": 0.0}


def make(backbone: str, parts: dict, **kwargs: Any) -> ForecastingNetwork:
    options = {"dlinear": {}}.get(backbone, SMALL)
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        backbone=backbone,
        backbone_kwargs=options,
        parts=parts,
        **kwargs,
    ).double()


def window(batch: int = B) -> Tensor:
    return torch.randn(batch, L, C, dtype=torch.float64).cumsum(dim=1)


def trained(network: ForecastingNetwork, n_steps: int = 5) -> ForecastingNetwork:
    torch.manual_seed(1)
    x, target = window(), torch.randn(B, H, C, 1, dtype=torch.float64)
    optimizer = torch.optim.Adam(network.train().parameters(), lr=1e-2)
    for _ in range(n_steps):
        optimizer.zero_grad()
        (network(x) - target).square().mean().backward()
        optimizer.step()
    return network.eval()


each = pytest.mark.parametrize("case", DYNAMIC)


class TestDynamic:
    @each
    def test_starts_as_the_network_without_it(self, case: str) -> None:
        backbone, parts = DYNAMIC[case]
        torch.manual_seed(0)
        network = make(backbone, parts).eval()
        torch.manual_seed(0)
        others = {name: options for name, options in parts.items() if "dynamic" not in name}
        plain = make(backbone, others).eval()
        if not others:
            x = window()
            torch.testing.assert_close(network(x), plain(x), rtol=0, atol=1e-12)
        state = network.state_dict()
        own = {name for name in plain.state_dict() if ".terms." not in name}
        assert own
        assert all(torch.equal(state[name], plain.state_dict()[name]) for name in own)

    @each
    def test_trains_every_parameter(self, case: str) -> None:
        network = make(*DYNAMIC[case])
        before = copy.deepcopy(network.state_dict())
        trained(network)
        for name, parameter in network.named_parameters():
            assert not torch.equal(parameter, before[name]), name

    @each
    def test_gradients_are_the_slopes_of_the_loss(self, case: str) -> None:
        network, x = trained(make(*DYNAMIC[case])), window()

        def loss() -> Tensor:
            return network(x).sin().sum()

        parameters = list(network.parameters())
        gradients = torch.autograd.grad(loss(), parameters)
        steps = [torch.randn_like(p) * 1e-6 for p in parameters]
        ends = []
        with torch.no_grad():
            for sign in (1, -2):
                for parameter, step in zip(parameters, steps, strict=True):
                    parameter.add_(sign * step)
                ends.append(loss())
        expected = sum((g * s).sum() for g, s in zip(gradients, steps, strict=True))
        torch.testing.assert_close((ends[0] - ends[1]) / 2, expected, rtol=1e-4, atol=1e-9)

    @each
    def test_windows_have_weights_of_their_own(self, case: str) -> None:
        network, x = trained(make(*DYNAMIC[case])), window()
        layers = [m for m in network.modules() if isinstance(m, HyperLinear)]
        dynamic = [layer for layer in layers if "window" in layer.axes]
        assert dynamic
        for layer in dynamic:
            given: list[tuple[Tensor, Condition]] = []
            hook = layer.register_forward_pre_hook(lambda _, pair: given.append(pair))  # noqa: B023
            network(x)
            hook.remove()
            activations, condition = given[0]
            leading = activations.dim() - layer.n_axes
            first = activations.narrow(leading, 0, 1)
            same = first.expand(*activations.shape[:leading], B, *first.shape[leading + 1 :])
            y = layer(same, condition)
            difference = (y.select(leading, 0) - y.select(leading, 1)).abs()
            assert difference.max() > 1e-6

    @each
    def test_windows_of_a_batch_are_independent(self, case: str) -> None:
        network, x = trained(make(*DYNAMIC[case])), window()
        y = network(x)
        torch.testing.assert_close(network(x[:1]), y[:1], rtol=0, atol=1e-10)
        other = x.clone()
        other[2] += torch.randn(L, C)
        changed = (network(other) - y).abs().amax(dim=(1, 2, 3)) > 1e-9
        assert changed.tolist() == [False, False, True, False, False, False]

    @each
    def test_generated_is_contracted(self, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
        network, x = trained(make(*DYNAMIC[case])), window()
        y = network(x)
        monkeypatch.setattr(HyperLinear, "max_generated", -1)
        monkeypatch.setattr(OuterProducts, "cost", lambda self: Cost(1, 0, 0))
        seen = []
        contract = OuterProducts.contract
        monkeypatch.setattr(
            OuterProducts, "contract", lambda *given: seen.append(1) or contract(*given)
        )
        torch.testing.assert_close(network(x), y, rtol=0, atol=1e-10)
        assert seen

    @each
    def test_forward_keeps_no_state(self, case: str) -> None:
        network, x = trained(make(*DYNAMIC[case])), window()
        with torch.no_grad():
            first = network(x)
            network(100 * window(3))
            assert torch.equal(network(x), first)

    @each
    def test_refuses_to_fold_by_name_and_is_exported_unfolded(self, case: str) -> None:
        network = trained(make(*DYNAMIC[case]))
        assert not network.folds
        with pytest.raises(
            ValueError, match=r"'dynamic-.*' generates depends on the window that is forecast"
        ):
            network.fold()
        x = window()
        exported = torch.export.export(network, (x,)).module()
        torch.testing.assert_close(exported(x), network(x), rtol=1e-8, atol=1e-8)

    @pytest.mark.parametrize("mola", [False, True])
    def test_maps_of_covariates_are_told_of_the_window(self, mola: bool) -> None:
        parts = {"dynamic-head": {}} | ({"mola": {"n_segments": 2}} if mola else {})
        network = make(
            "dlinear",
            parts,
            n_past_covariates=2,
            n_future_covariates=1,
            n_static_covariates=2,
            n_factors=1,
        )
        network.start_from([torch.randn(50, C, dtype=torch.float64)])
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        sizes = ((L, C), (L, 2), (H, 1), (C, 2))
        given = [torch.randn(B, *size, dtype=torch.float64) for size in sizes]
        y = network(*given)
        y.square().sum().backward()
        for name, parameter in network.named_parameters():
            assert (parameter.grad != 0).any(), name
        alone = network(*(values[:1] for values in given))
        torch.testing.assert_close(alone, y[:1], rtol=0, atol=1e-10)

    def test_is_refused_within_a_backbone_that_tells_nothing(self) -> None:
        message = (
            "'dynamic-layers' cannot stand at 'backbone.blocks.0.hidden', which is not told what a "
            "pass is conditioned on"
        )

        class Block(nn.Module):
            def __init__(self, lookback: int) -> None:
                super().__init__()
                self.hidden = nn.Linear(lookback, lookback)

            def forward(self, x: Tensor) -> Tensor:
                return self.hidden(x)

        class Untold(nn.Module):
            def __init__(self, lookback: int, n_channels: int) -> None:
                super().__init__()
                self.blocks = nn.Sequential(Block(lookback))
                self.feature_dim = lookback

            def forward(self, x: Tensor) -> Tensor:
                return self.blocks(x)

        register_backbone("untold", Untold)
        try:
            parts = {"dynamic-layers": {"layers": ("backbone.*",)}}
            with pytest.raises(ValueError, match=re.escape(message)):
                ForecastingNetwork(
                    lookback=L, horizon=H, n_channels=C, backbone="untold", parts=parts
                )
        finally:
            del BACKBONES["untold"]


class TestRegister:
    def test_the_same_part_again(self) -> None:
        register_part("dynamic-head", DynamicHead)
        assert PARTS["dynamic-head"] is DynamicHead

    @pytest.mark.parametrize("part", [nn.Linear, "dynamic", DynamicHead()])
    def test_what_is_no_part(self, part: Any) -> None:
        with pytest.raises(TypeError, match=r"^part must be a subclass of Part; got"):
            register_part("other", part)

    @pytest.mark.parametrize("slot", ["heads", None])
    def test_a_slot_that_is_none(self, slot: str | None) -> None:
        other = type("Other", (DynamicHead,), {"slot": slot})
        message = (
            "Other.slot must say what of a network the part concerns, one of: "
            f"{', '.join(map(repr, SLOTS))}; got {slot!r}."
        )
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            register_part("other", other)
        assert "other" not in PARTS

    def test_a_slot_that_is_missing(self) -> None:
        class Other(Part):
            def put_into(self, sites: NetworkSites, name: str) -> None:
                """Do nothing."""

        with pytest.raises(TypeError, match=r"^Other\.slot must say .*; got None\.$"):
            register_part("other", Other)

    def test_a_name_with_a_dot(self) -> None:
        message = "The name of a part is part of its parameters' names; got 'my.part'."
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            register_part("my.part", DynamicHead)

    def test_a_name_that_is_taken(self) -> None:
        message = "The part name 'hn-mvts' is taken by HNMVTS; choose another."
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            register_part("hn-mvts", DynamicHead)
        assert PARTS["hn-mvts"] is not DynamicHead


class TestMake:
    def test_in_the_order_of_the_slots(self) -> None:
        slots = [part.slot for part in make_parts({"mola": {}, "hn-mvts": None}).values()]
        assert slots == ["head", "adapters"]

    def test_options_reach_the_part(self) -> None:
        [part] = make_parts({"dynamic-head": {"rank": 7}}).values()
        assert (part.rank, part.length) == (7, 3)
        assert part_options(DynamicHead) == {"length": 3, "rank": 2}

    def test_parts_of_a_slot(self) -> None:
        assert parts_of_slot("head") == ["individual", "hn-mvts", "dynamic", "dynamic-head"]
        assert all(name in parts_of_slot(part.slot) for name, part in PARTS.items())

    @pytest.mark.parametrize(
        ("chosen", "message"),
        [
            ({"dynamic-heat": {}}, "Unknown part 'dynamic-heat'. Did you mean 'dynamic-head'"),
            (
                {"dynamic-head": {"size": 3}},
                "The part 'dynamic-head' has no option 'size'. It has: 'length', 'rank'.",
            ),
            (
                {"individual": {"size": 3}},
                "The part 'individual' has no option 'size'. It has none.",
            ),
            (
                {"hn-mvts": {}, "mola": {}, "individual": {}},
                "'hn-mvts' and 'individual' both say what the head of a network is. Choose one of "
                "them.",
            ),
        ],
    )
    def test_refusals(self, chosen: dict, message: str) -> None:
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            make_parts(chosen)

    def test_a_pattern_that_names_no_layer(self) -> None:
        message = "layers names 'backbone.layer.*', and no layer has such a name. There are: "
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            make("patchtst", {"dynamic-layers": {"layers": ("backbone.layer.*",)}})

    def test_part_is_abstract_and_says_little_by_default(self) -> None:
        part = DynamicHead()
        assert part.cut(H) is None
        assert part.embeds_into is None
        assert part.obstacle() == "DynamicHead has no closed form"
        assert not part.trains_beside_adapters("head.weight")


def test_two_parts_that_ask_for_the_same_of_the_plain_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Cutting(DynamicHead):
        """A head that cuts the horizon, too."""

        def cut(self, horizon: int) -> Segments:
            return Segments(horizon, 2)

    monkeypatch.setitem(PARTS, "cutting", Cutting)
    with pytest.raises(ValueError, match="'cutting' and 'mola' both cut the horizon"):
        make("rmlp", {"cutting": {}, "mola": {}})
