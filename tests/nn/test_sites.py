"""Where parts can be put, and how they are put there."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import (
    BACKBONES,
    PARTS,
    Activations,
    CausalConv,
    Chain,
    ChannelEmbedding,
    ChannelLinear,
    Condition,
    Conditioned,
    Context,
    DenseGenerator,
    ForecastingNetwork,
    HyperLinear,
    LoRAExperts,
    Modulation,
    NetworkSites,
    Recurrent,
    ScaleShift,
    SegmentMixture,
    Segments,
    Site,
    Term,
    register_backbone,
)
from hyperforecast.nn.backbones import backbone_options, takes_covariates
from hyperforecast.nn.layers.conditioning import run
from hyperforecast.nn.network import _sites_of_backbone
from hyperforecast.nn.sites import N_CHANNELS, N_WINDOWS, check_names, dry_run, listed, matching

B, L, H, C = 7, 20, 4, 5
# no two lengths alike, in each backbone that has the option
SIZES = {"d_model": 12, "d_ff": 14, "n_heads": 2, "patch_len": 6, "stride": 3, "e_layers": 2}


def test_a_backbone_is_run_once_for_each_of_its_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    def counted(build: Any, n_channels: int, prefix: str, sizes: Any) -> list[Site]:
        given.append(n_channels)
        return dry_run(build, n_channels, prefix, sizes)

    monkeypatch.setattr("hyperforecast.nn.network.dry_run", counted)
    _sites_of_backbone.cache_clear()

    def run_through(lookback: int = L, n_channels: int = C, d_ff: int = 14) -> None:
        network = ForecastingNetwork(
            lookback=lookback,
            horizon=H,
            n_channels=n_channels,
            backbone="tsmixer",
            backbone_kwargs={"d_ff": d_ff},
            parts={"mola": {}},
        )
        # experts of other sizes than their layers' would not fit
        assert network(torch.randn(B, lookback, n_channels)).shape == (B, H, n_channels, 1)

    for _ in range(2):
        run_through()
        assert given == [C]
    run_through(lookback=L + 1)
    run_through(n_channels=C + 1)
    run_through(d_ff=15)
    assert given == [C, C, C + 1, C]
    run_through()
    assert len(given) == 4


def sites_of(
    backbone: str,
    n_channels: int = C,
    lookback: int = L,
    n_past: int = 0,
    n_future: int = 0,
    **options: Any,
) -> dict[str, Site]:
    known = backbone_options(BACKBONES[backbone])
    options = {k: v for k, v in SIZES.items() if k in known} | options
    counts = {"horizon": H, "n_past_covariates": n_past, "n_future_covariates": n_future}
    given = counts if takes_covariates(backbone) else {}

    def build(n_channels: int) -> nn.Module:
        return BACKBONES[backbone](lookback, n_channels, **options, **given)

    found = dry_run(build, n_channels, "backbone", {"lookback": lookback, **counts})
    return {site.name: site for site in found}


def real_shapes(
    backbone: str, n_channels: int = C, lookback: int = L, n_past: int = 0, n_future: int = 0
) -> dict[str, tuple[nn.Module, torch.Size, torch.Size]]:
    """What every layer is given and gives in a pass of a real network."""
    known = backbone_options(BACKBONES[backbone])
    network = ForecastingNetwork(
        lookback=lookback,
        horizon=H,
        n_channels=n_channels,
        backbone=backbone,
        backbone_kwargs={k: v for k, v in SIZES.items() if k in known},
        n_past_covariates=n_past,
        n_future_covariates=n_future,
    )
    shapes: dict[str, tuple[nn.Module, torch.Size, torch.Size]] = {}
    for name, module in network.named_modules():
        if isinstance(module, (nn.Linear, CausalConv, Recurrent, Activations)) and name.startswith(
            "backbone."
        ):

            def note(layer: nn.Module, given: tuple[Tensor], y: Any, name: str = name) -> None:
                made = y[0] if isinstance(y, tuple) else y  # with the last state
                shapes[name] = (layer, given[0].shape, made.shape)

            module.register_forward_hook(note)
    covariates = [torch.randn(B, L, n_past), torch.randn(B, H, n_future)] if n_past else []
    network.eval()(torch.randn(B, lookback, n_channels), *covariates)
    return shapes


def features_axis(layer: nn.Module) -> int:
    """Say where a layer's input and output have the features."""
    return -2 if isinstance(layer, CausalConv) else -1


class TestDryRun:
    @pytest.mark.parametrize("backbone", BACKBONES)
    @pytest.mark.parametrize("n_past", [0, 3])
    def test_says_what_a_real_pass_shows(self, backbone: str, n_past: int) -> None:
        if n_past and not takes_covariates(backbone):
            return
        n_future = 2 if n_past else 0
        sites = sites_of(backbone, n_past=n_past, n_future=n_future)
        real = real_shapes(backbone, n_past=n_past, n_future=n_future)
        assert set(sites) == set(real)
        for name, (layer, given, made) in real.items():
            site = sites[name]
            kinds = {
                nn.Linear: "linear",
                CausalConv: "convolution",
                Recurrent: "recurrent",
                Activations: "activations",
            }
            assert site.kind == kinds[type(layer)]
            assert site.n_axes == len(given), name
            axis = features_axis(layer)
            assert (site.n_features, site.n_outputs) == (given[axis], made[axis]), name
            # lengths are distinct, so the axes of the real pass say what they are
            assert site.has_channels == (given[:2] == (B, C) and len(given) > 2), name
            assert site.has_windows == (given[0] == B), name
            assert site.hands_on, name

    @pytest.mark.parametrize("backbone", BACKBONES)
    def test_equal_lengths_do_not_confuse_it(self, backbone: str) -> None:
        """As many channels as steps, or as anything else that a layer is given."""
        expected = sites_of(backbone)
        for n_channels, lookback in ((L, L), (SIZES["d_model"], L), (6, 6), (1, L)):
            found = sites_of(backbone, n_channels, lookback)
            assert found.keys() == expected.keys()
            real = real_shapes(backbone, n_channels, lookback)
            for name, site in found.items():
                other = expected[name]
                assert site.has_channels == other.has_channels, name
                assert site.n_axes == other.n_axes, name
                layer, given, made = real[name]
                axis = features_axis(layer)
                assert (site.n_features, site.n_outputs) == (given[axis], made[axis]), name

    def test_which_layers_of_tsmixer_have_channels(self) -> None:
        have = {name: site.has_channels for name, site in sites_of("tsmixer", e_layers=1).items()}
        assert have == {
            "backbone.blocks.0.time_mixing.0": True,
            "backbone.blocks.0.feature_mixing.0": False,
            "backbone.blocks.0.feature_mixing.3": False,
            "backbone.blocks.0.time_mixed": True,
        }

    def test_tokens_of_covariates_are_no_channels(self) -> None:
        alone, among = (sites_of("itransformer", n_past=n, n_future=n) for n in (0, 2))
        assert all(site.has_channels for site in alone.values())
        of_channels = {name for name, site in among.items() if site.has_channels}
        assert of_channels == {"backbone.embedding", "backbone.embedded"}
        assert "backbone.future_embedding" in among

    def test_leaves_the_random_numbers_as_they_were(self) -> None:
        before = torch.get_rng_state()
        sites_of("patchtst")
        assert torch.equal(torch.get_rng_state(), before)

    def test_no_length_of_a_network_is_one_of_its_own(self) -> None:
        assert N_WINDOWS != N_CHANNELS
        assert min(N_WINDOWS, N_CHANNELS) > 10_000

    def test_layers_that_are_not_used_are_no_sites(self) -> None:
        class Idle(nn.Module):
            feature_dim = L

            def __init__(self, lookback: int, n_channels: int) -> None:
                super().__init__()
                self.idle = nn.Linear(lookback, 3)

            def forward(self, x: Tensor) -> Tensor:
                return x

        counts = {"horizon": H, "n_past_covariates": 0, "n_future_covariates": 0}
        assert dry_run(lambda n: Idle(L, n), C, "backbone", {"lookback": L, **counts}) == []


class OwnMLP(nn.Module):
    """A backbone of someone who knows of torch alone."""

    def __init__(self, lookback: int, n_channels: int, *, width: int = 6) -> None:
        super().__init__()
        self.embedding = nn.Linear(lookback, width)
        self.mixing = nn.Linear(n_channels * width, n_channels * width)
        self.stack = nn.Sequential(nn.Linear(width, 9), nn.ReLU(), nn.Linear(9, width))
        self.feature_dim = width

    def forward(self, x: Tensor) -> Tensor:
        x = self.embedding(x).relu()
        x = x + self.mixing(x.flatten(-2)).tanh().view_as(x)  # (..., C, D), over all channels
        return x + self.stack(x)


class Flattening(nn.Module):
    """Lays windows and channels on one axis."""

    def __init__(self, lookback: int, n_channels: int) -> None:
        super().__init__()
        self.inner = nn.Linear(lookback, 6)
        self.feature_dim = 6

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x.reshape(-1, x.shape[-1])).unflatten(0, x.shape[:-1])


class Failing(nn.Module):
    """Reads values, which a run without them cannot."""

    feature_dim = L

    def __init__(self, lookback: int, n_channels: int) -> None:
        super().__init__()
        self.inner = nn.Linear(lookback, lookback)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) if x.mean().item() > 0 else x


@pytest.fixture
def own_backbones() -> Iterator[None]:
    """Backbones of a user's own, registered for one test."""
    for backbone in (OwnMLP, Flattening, Failing):
        register_backbone(backbone.__name__.lower(), backbone)
    yield
    for backbone in (OwnMLP, Flattening, Failing):
        del BACKBONES[backbone.__name__.lower()]


def network(backbone: str, parts: dict | None = None) -> ForecastingNetwork:
    return ForecastingNetwork(
        lookback=L, horizon=H, n_channels=C, backbone=backbone, parts=parts
    ).double()


def window() -> Tensor:
    return torch.randn(B, L, C, dtype=torch.float64)


@pytest.mark.usefixtures("own_backbones")
class TestOwnBackbone:
    @pytest.mark.parametrize("part", PARTS)
    def test_works_under_every_part(self, part: str) -> None:
        assert "hyperforecast" not in {
            base.__module__.partition(".")[0] for base in OwnMLP.__mro__[1:]
        }
        if PARTS[part].slot in ("attention", "convolution", "recurrence"):
            with pytest.raises(ValueError, match=f"'ownmlp' has no {PARTS[part].slot[:8]}"):
                network("ownmlp", {part: {}})
            return
        found = network("ownmlp", {part: {}})
        with torch.no_grad():
            for parameter in found.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        x = window()
        y = found(x)
        assert y.shape == (B, H, C, 1)
        y.square().sum().backward()
        for name, parameter in found.named_parameters():
            assert parameter.grad is not None, name
            assert (parameter.grad != 0).any(), name
        found.eval()
        if found.folds:
            torch.testing.assert_close(found.fold()(x), found(x), rtol=0, atol=1e-10)
        torch.testing.assert_close(found(x)[:2], found(x[:2]), rtol=0, atol=1e-10)

    def test_segments_are_those_of_plain_networks(self) -> None:
        found = network("ownmlp", {"mola": {"n_segments": H, "n_experts": 1, "rank": 2}})
        with torch.no_grad():
            for parameter in found.adapters().values():
                parameter.normal_()
        x = window()
        y = found(x)
        for s in range(H):
            alone = ForecastingNetwork(
                lookback=L, horizon=1, n_channels=C, backbone="ownmlp"
            ).double()
            state = {name: found.state_dict()[name] for name in alone.state_dict()}
            for name, layer in found.named_modules():
                if isinstance(layer, HyperLinear):
                    experts = layer.terms["mola"].generator
                    state[f"{name}.weight"] = layer.weight + experts.up[0] @ experts.down[0]
            alone.load_state_dict(state)
            torch.testing.assert_close(y[:, s : s + 1], alone(x), rtol=0, atol=1e-10)

    def test_lengths_that_go_with_the_number_of_channels(self) -> None:
        counts = {"horizon": H, "n_past_covariates": 0, "n_future_covariates": 0}
        found = dry_run(lambda n: OwnMLP(L, n), C, "backbone", {"lookback": L, **counts})
        assert [(s.name, s.n_features, s.n_outputs, s.has_channels, s.hands_on) for s in found] == [
            ("backbone.embedding", L, 6, True, False),
            ("backbone.mixing", C * 6, C * 6, False, False),
            ("backbone.stack.0", 6, 9, True, False),
            ("backbone.stack.2", 9, 6, True, False),
        ]

    def test_segments_are_refused_where_windows_are_not_the_first_axis(self) -> None:
        message = (
            "'mola' cannot stand at 'backbone.inner', which has no windows on the first axis of "
            "its input, (B, ..., I). It can stand at: 'head'."
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            network("flattening", {"mola": {}})
        found = network("flattening", {"mola": {"adapted_layers": ["head"]}})
        assert found(window()).shape == (B, H, C, 1)

    def test_a_backbone_that_cannot_be_run_without_values(self) -> None:
        assert network("failing")(window()).shape == (B, H, C, 1)
        # the head is no layer of the backbone
        assert network("failing", {"hn-mvts": {}})(window()).shape == (B, H, C, 1)
        message = (
            "The layers of the backbone cannot be told apart: a dry run on torch's meta device, "
            f"with {N_CHANNELS} channels, ended in RuntimeError: "
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}") as caught:
            network("failing", {"mola": {}})
        assert str(caught.value).endswith(
            "Write the backbone so that it works on any device and for any number of channels."
        )


class Window(Context):
    """The last values of a window."""

    axis = "window"

    def forward(self, condition: Condition | None = None) -> Tensor:
        assert condition is not None
        return condition.window[:, 0, -2:]


class Mixed(Conditioned):
    """A network with every kind of site."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Linear(4, 6)
        self.marked = Activations()
        self.chain = Chain(nn.Linear(6, 6), nn.Sequential(nn.Linear(6, 6)))
        self.listed = nn.ModuleList([nn.Linear(6, 6)])
        self.across = nn.Linear(3, 3)
        self.own = ChannelLinear(3, 6, 6)
        self.hidden = Activations()

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        x = run(self.marked, run(self.early, x, condition), condition)
        x = run(self.listed[0], self.chain(x, condition), condition)
        x = run(self.across, x.transpose(-1, -2), condition).transpose(-1, -2)
        x = run(self.own, x, condition)
        return run(self.hidden, x.transpose(-1, -2), condition)


class TestAdd:
    @pytest.fixture
    def sites(self) -> NetworkSites:
        holder = nn.Module()
        holder.inner = Mixed()
        holder.head = nn.Linear(6, 2)
        counts = {"horizon": H, "n_past_covariates": 0, "n_future_covariates": 0}

        def build(n_channels: int) -> nn.Module:
            made = Mixed()
            made.across = nn.Linear(n_channels, n_channels)
            made.own = ChannelLinear(n_channels, 6, 6)
            return made

        return NetworkSites(
            holder,
            outputs=[Site("head", "linear", 3, 6, 2)],
            others=[],
            within=lambda: dry_run(build, 3, "inner", {"lookback": 4, **counts}),
            initialisers={"head": nn.init.ones_},
            lookback=4,
            n_channels=3,
            segments=Segments(H, 2),
            backbone="mixed",
        )

    @staticmethod
    def term(context: Context, width: int = 6, out: int = 6) -> Term:
        return Term(context, DenseGenerator(2, width, out))

    @staticmethod
    def at(sites: NetworkSites, name: str) -> Site:
        [site] = [site for site in sites if site.name == name]
        return site

    def test_sites_are_in_the_order_of_the_network(self, sites: NetworkSites) -> None:
        assert [site.name for site in sites.of_kind("linear")] == [
            "inner.early",
            "inner.chain.0",
            "inner.chain.1.0",
            "inner.listed.0",
            "inner.across",
            "inner.own",
            "head",
        ]
        assert [site.name for site in sites.of_kind("activations")] == [
            "inner.marked",
            "inner.hidden",
        ]

    def test_the_backbone_is_asked_once_and_only_if_need_be(self, sites: NetworkSites) -> None:
        asked: list[int] = []
        within = sites._within
        sites._within = lambda: asked.append(1) or within()  # type: ignore[func-returns-value]
        assert [site.name for site in sites.outputs] == ["head"]
        assert asked == []
        assert len(list(sites)) == len(list(sites)) == 9
        assert asked == [1]

    def test_a_linear_layer_becomes_one_with_terms(self, sites: NetworkSites) -> None:
        site = self.at(sites, "inner.early")
        plain = sites.layer(site)
        first, second = (self.term(ChannelEmbedding(3, 2), 4) for _ in range(2))
        sites.add(site, "one", first)
        layer = sites.layer(site)
        assert type(layer) is HyperLinear
        assert layer.weight is plain.weight
        assert layer.n_axes == 3
        sites.add(site, "two", second)
        assert sites.layer(site) is layer
        assert list(layer.terms) == ["one", "two"]

    def test_a_layer_of_channels_does_too(self, sites: NetworkSites) -> None:
        site = self.at(sites, "inner.own")
        sites.add(site, "one", self.term(Window()))
        assert sites.layer(site).axes == ("window", "channel")

    def test_activations_become_modulated(self, sites: NetworkSites) -> None:
        site = self.at(sites, "inner.marked")
        sites.add(site, "film", Term(ChannelEmbedding(3, 2), ScaleShift(2, 6)))
        layer = sites.layer(site)
        assert type(layer) is Modulation
        assert layer.n_axes == 3

    def test_channels_are_refused_where_there_are_none(self, sites: NetworkSites) -> None:
        message = (
            "'one' cannot stand at 'inner.across', which has no channels on the second axis of its "
            "input, (B, C, ..., I). It can stand at: 'inner.early', 'inner.chain.0', "
            "'inner.chain.1.0', 'inner.listed.0', 'inner.own', 'head'."
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            sites.add(self.at(sites, "inner.across"), "one", self.term(ChannelEmbedding(3, 2), 3))
        message = (
            "'film' cannot stand at 'inner.hidden', which has no channels on the second axis of "
            "its input, (B, C, ..., I). It can stand at: 'inner.marked'."
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            sites.add(
                self.at(sites, "inner.hidden"),
                "film",
                Term(ChannelEmbedding(3, 2), ScaleShift(2, 3)),
            )

    def test_windows_are_refused_where_they_are_not_told(self, sites: NetworkSites) -> None:
        message = (
            "'one' cannot stand at 'inner.chain.1.0', which is not told what a pass is conditioned "
            "on: a module on the way to it is no `Conditioned`. It can stand at: 'inner.early', "
            "'inner.chain.0', 'inner.listed.0', 'inner.across', 'inner.own', 'head'."
        )
        site = self.at(sites, "inner.chain.1.0")
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            sites.add(site, "one", self.term(Window()))
        sites.add(site, "two", self.term(ChannelEmbedding(3, 2)))  # static: nothing to be told

    def test_segments_stand_anywhere(self, sites: NetworkSites) -> None:
        for site in sites.of_kind("linear"):
            experts = LoRAExperts(2, site.n_features, site.n_outputs, 1)
            sites.add(site, "mola", Term(SegmentMixture(2, 2), experts))

    def test_starts_of_weights(self, sites: NetworkSites) -> None:
        weight = torch.zeros(3, 4)
        sites.initialiser(self.at(sites, "head"))(weight)
        assert (weight == 1).all()
        sites.initialiser(self.at(sites, "inner.early"))(weight)
        assert weight.abs().max() <= 0.5
        assert weight.unique().numel() == weight.numel()


SOME = [Site(name, "linear", 3, 1, 1) for name in ("head", "backbone.mlp.0", "backbone.mlp.3")]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["*"], ["head", "backbone.mlp.0", "backbone.mlp.3"]),
        (["backbone.*"], ["backbone.mlp.0", "backbone.mlp.3"]),
        (["*.3", "head"], ["head", "backbone.mlp.3"]),
        (["*", "head"], ["head", "backbone.mlp.0", "backbone.mlp.3"]),
    ],
)
def test_matching(patterns: list[str], expected: list[str]) -> None:
    assert [site.name for site in matching(SOME, patterns, "layers")] == expected


def test_a_pattern_that_names_none() -> None:
    message = (
        "layers names 'hed', and no layer has such a name. There are: 'head', 'backbone.mlp.0', "
        "'backbone.mlp.3'."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        matching(SOME, ["*", "hed"], "layers")
    assert listed([]) == "none"


@pytest.mark.parametrize("names", ["head", [], [3], ["head", None]])
def test_names_that_are_none(names: Any) -> None:
    check_names(None, "layers")
    check_names(["head"], "layers")
    with pytest.raises(ValueError, match=r"^layers must be a list of names of layers, in which"):
        check_names(names, "layers")
