import re
from typing import Any

import pytest
import torch
from torch import nn

from hyperforecast.nn import BACKBONES, ForecastingNetwork, HyperLinear
from hyperforecast.nn.backbones import backbone_options
from hyperforecast.nn.parts import HNMVTS

L, H, C = 16, 4, 4


def make(
    part: dict[str, Any] | None, backbone: str = "dlinear", **kwargs: Any
) -> ForecastingNetwork:
    torch.manual_seed(0)
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=kwargs.pop("n_channels", C),
        parts={} if part is None else {"hn-mvts": part},
        backbone=backbone,
        **kwargs,
    )


@pytest.mark.parametrize(("n_channels", "expected"), [(1, 1), (5, 1), (7, 2), (21, 7), (200, 8)])
def test_embedding_dim_by_default(n_channels: int, expected: int) -> None:
    [context] = make({}, n_channels=n_channels).contexts("hn-mvts")
    assert context.embedding_dim == expected


def test_all_last_layers_share_one_embedding_and_have_generators_of_their_own() -> None:
    network = make({"channel_embedding_dim": 2}, n_past_covariates=1, n_static_covariates=2)
    head, past, static = (
        network.get_submodule(name)
        for name in ("head", "past_covariate_map", "static_covariate_map")
    )
    assert all(type(layer) is HyperLinear for layer in (head, past, static))
    terms = [layer.terms["hn-mvts"] for layer in (head, past, static)]
    assert terms[0].context is terms[1].context is terms[2].context
    assert len({id(term.generator) for term in terms}) == 3
    assert terms[0].generator.bias_bases is not None
    assert past.bias is terms[1].generator.bias_bases is None
    # maps of covariates start at zero, for every channel
    assert (past.weight == 0).all()
    assert (terms[1].generator.weight_bases == 0).all()


def test_only_the_head_is_generated() -> None:
    network = make({}, "patchtst")
    names = [name for name, module in network.named_modules() if isinstance(module, HyperLinear)]
    assert names == ["head"]


def test_hidden_widths_reach_the_generator() -> None:
    network = make({"channel_embedding_dim": 2, "hyper_hidden": [6, 5]}, "nlinear")
    generator = network.head.terms["hn-mvts"].generator
    widths = [layer.out_features for layer in generator.trunk if isinstance(layer, nn.Linear)]
    assert widths == [6, 5]
    assert generator.weight_bases.shape == (5, H, L)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"hyper_hidden": [4, 0]},
            "hyper_hidden must be a sequence of whole numbers >= 1; got [4, 0].",
        ),
        (
            {"channel_embedding_dim": 0, "hyper_hidden": [4]},
            "hyper_hidden has no effect with channel_embedding_dim=0: there is no embedding to "
            "generate from. Leave one of the two out.",
        ),
        (
            {"channel_embedding_dim": 5},
            "channel_embedding_dim must lie between 0 (one weight for all channels) and the number "
            "of channels (of series, where weights are by series), 4; got 5. "
            "Choose channel_embedding_dim <= 4.",
        ),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(options)


def test_hidden_layers_rule_the_closed_form_out() -> None:
    assert HNMVTS().obstacle() is None
    assert "not linear in its weights" in (HNMVTS(hyper_hidden=[3]).obstacle() or "")


def test_without_embedding_all_channels_share_the_head() -> None:
    head = make({"channel_embedding_dim": 0}, "nlinear").head
    x = torch.randn(6, 1, L).expand(6, C, L)
    y = head(x)
    assert torch.equal(y, y[:, :1].expand_as(y))
    torch.testing.assert_close(y[:, 0], nn.functional.linear(x[:, 0], head.weight, head.bias))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_without_an_embedding_it_trains_as_the_plain_backbone(backbone: str) -> None:
    torch.manual_seed(5)
    x, target = torch.randn(8, L, 3), torch.randn(8, H, 3, 1)
    small = {"d_model": 16, "d_ff": 24}
    known = backbone_options(BACKBONES[backbone])
    outcomes = []
    for part in (None, {"channel_embedding_dim": 0}):
        network = make(
            part,
            backbone,
            n_channels=3,
            backbone_kwargs={name: size for name, size in small.items() if name in known},
        )
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
        for _ in range(5):
            loss = (network(x) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        outcomes.append(network(x))
    torch.testing.assert_close(*outcomes, rtol=0, atol=1e-5)


def test_same_seed_same_backbone_and_shared_head_as_plain() -> None:
    plain, generated = (make(part, "patchtst").state_dict() for part in (None, {}))
    assert all(torch.equal(values, generated[name]) for name, values in plain.items())


def test_starts_at_the_shared_head_plus_what_the_embedding_adds() -> None:
    network = make({"channel_embedding_dim": 2}, "rmlp")
    weight, bias = network.head.generate()
    term = network.head.terms["hn-mvts"]
    for n in range(C):
        added = sum(
            z * basis
            for z, basis in zip(term.context()[n], term.generator.weight_bases, strict=True)
        )
        torch.testing.assert_close(weight[n], network.head.weight + added)
        assert torch.equal(bias.expand(C, -1)[n], network.head.bias)
        assert 0 < added.abs().max() < network.head.weight.abs().max()


class TestLowRank:
    def test_heads_are_the_shared_one_and_a_product(self) -> None:
        network = make({"channel_embedding_dim": 2, "rank": 2}).double()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.normal_()
        term = network.head.terms["hn-mvts"]
        z, generator = term.context.weight, term.generator
        weight, _ = network.head.generate()
        for n in range(C):
            left = generator.left[0] * z[n, 0] + generator.left[1] * z[n, 1]
            right = generator.right[0] + generator.right[1] * z[n, 0] + generator.right[2] * z[n, 1]
            expected = network.head.weight + left @ right.T
            torch.testing.assert_close(weight[n], expected, rtol=0, atol=1e-12)

    def test_takes_r_times_the_sum_of_the_sizes_instead_of_their_product(self) -> None:
        def generated(part: dict[str, Any]) -> int:
            network = make({"channel_embedding_dim": 2, **part}, "nlinear")
            return sum(p.numel() for p in network.head.terms["hn-mvts"].generator.parameters())

        assert generated({}) == 2 * (L * H + H)
        assert generated({"rank": 1}) == 2 * (L + H + H) + L  # and V_0
        assert generated({"rank": 3, "hyper_hidden": [5]}) == 15 + 5 * (3 * (L + H) + H) + 3 * L

    def test_starts_at_the_plain_head_and_folds(self) -> None:
        x = torch.randn(3, L, C)
        low, plain = make({"rank": 2}).eval(), make(None).eval()
        with torch.no_grad():
            torch.testing.assert_close(low(x), plain(x), rtol=0, atol=1e-6)
            torch.testing.assert_close(low.fold()(x), low(x), rtol=0, atol=1e-6)

    @pytest.mark.parametrize(
        ("part", "match"),
        [
            ({"rank": 0}, "rank must be a whole number >= 1"),
            ({"rank": 5}, "'head' has 32 inputs and 4 outputs. Choose rank <= 4"),
            ({"rank": 1, "channel_embedding_dim": 0}, "rank has no effect with"),
        ],
    )
    def test_wrong_ranks(self, part: dict[str, Any], match: str) -> None:
        with pytest.raises(ValueError, match=match):
            make(part)

    def test_has_no_closed_form(self) -> None:
        assert "products of two weights" in str(HNMVTS(rank=2).obstacle())
