import copy
import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import (
    BACKBONES,
    ChannelGate,
    ChannelLinear,
    ForecastingNetwork,
    HyperLinear,
    LowRankPool,
    count_parameters,
    fold,
)
from hyperforecast.nn.parts import make_parts

B, C, L, D, R, K = 6, 4, 7, 5, 3, 2


WITHOUT_EMBEDDING = ["dlinear", "nlinear", "tsmixer"]


def embedding(in_features: int = L, out_features: int = D, **options: Any) -> Any:
    """The embedding of a network that consists of little else."""
    network = ForecastingNetwork(
        lookback=in_features,
        horizon=1,
        n_channels=C,
        parts={"light-sae": options},
        backbone="rlinear",
        backbone_kwargs={"d_model": out_features},
    )
    return network.backbone.embedding


def trained(**options: Any) -> Any:
    """An embedding in double precision whose auxiliary part is no longer zero."""
    layer = embedding(**options).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(torch.randn_like(parameter))
    return layer


def light(**options: Any) -> Any:
    return trained(**{"rank": R, "n_components": K, **options})


def auxiliary(layer: HyperLinear) -> Any:
    """The generated term of an embedding."""
    return layer.terms["light-sae"]


def inputs(*middle: int) -> Tensor:
    return torch.randn(B, C, *middle, L, dtype=torch.float64)


def close(actual: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-12)


class TestEmbedding:
    @pytest.mark.parametrize("middle", [(), (9,)])
    def test_light_is_the_formula_channel_by_channel(self, middle: tuple[int, ...]) -> None:
        layer = light()
        layer.n_axes += len(middle)
        x = inputs(*middle)
        gamma = auxiliary(layer).context.logits
        pool = auxiliary(layer).generator
        expected = torch.empty(B, C, *middle, D, dtype=torch.float64)
        for i in range(C):
            weight, bias = layer.weight.T, layer.bias  # (L, D) and (D,)
            total = sum(gamma[i, k].exp() for k in range(K))
            for k in range(K):
                share = gamma[i, k].exp() / total
                weight = weight + share * (pool.left[k] @ pool.right)
                bias = bias + share * pool.bias[k]
            expected[:, i] = x[:, i] @ weight + bias
        close(layer.eval()(x), expected)
        close(layer.train()(x), expected)

    def test_one_component_of_full_rank_is_a_dense_matrix(self) -> None:
        layer = trained(rank=D, n_components=1)
        dense = torch.randn(L, D, dtype=torch.float64)
        with torch.no_grad():
            auxiliary(layer).generator.left.copy_(dense[None])
            auxiliary(layer).generator.right.copy_(torch.eye(D))
        x = inputs()
        bias = layer.bias + auxiliary(layer).generator.bias[0]
        close(layer(x), x @ (layer.weight.T + dense) + bias)

    def test_one_hot_gates_are_separate_low_rank_adapters(self) -> None:
        layer = trained(rank=R, n_components=C)
        with torch.no_grad():
            auxiliary(layer).context.set_logits(1e3 * torch.eye(C))
        x = inputs()
        pool = auxiliary(layer).generator
        for i in range(C):
            adapter = pool.left[i] @ pool.right
            expected = x[:, i] @ (layer.weight.T + adapter) + layer.bias + pool.bias[i]
            close(layer(x)[:, i], expected)

    def test_full_is_a_matrix_for_every_channel(self) -> None:
        layer = trained(variant="full")
        x = inputs()
        for i in range(C):
            weight = layer.weight + auxiliary(layer).generator.weight[i]
            bias = layer.bias + auxiliary(layer).generator.bias[i]
            close(layer(x)[:, i], nn.functional.linear(x[:, i], weight, bias))

    def test_shared_is_a_linear_layer(self) -> None:
        assert type(embedding(variant="shared")) is nn.Linear

    @pytest.mark.parametrize("middle", [(), (9,)])
    @pytest.mark.parametrize("options", [{}, {"variant": "full"}])
    def test_folded(self, options: dict, middle: tuple[int, ...]) -> None:
        layer = trained(**options).eval() if options else light().eval()
        layer.n_axes += len(middle)
        folded = fold(layer)
        assert type(folded) is ChannelLinear
        x = inputs(*middle)
        close(folded(x), layer(x))
        with torch.no_grad():
            before = folded(x)
            for parameter in layer.parameters():
                parameter.add_(1)
            assert torch.equal(folded(x), before)

    @pytest.mark.parametrize("options", [{}, {"variant": "full"}])
    def test_starts_at_the_shared_embedding(self, options: dict) -> None:
        layer = embedding(**options)
        x = torch.randn(B, C, L)
        weight, bias = layer.generate()
        assert torch.equal(weight, layer.weight.expand(C, D, L))
        assert torch.equal(bias, layer.bias.expand(C, D))
        torch.testing.assert_close(layer(x), nn.functional.linear(x, layer.weight, layer.bias))

    def test_rank_is_the_rank_of_every_difference(self) -> None:
        layer = light(rank=2)
        term = auxiliary(layer)
        matrices, _ = term.generator.generate(term.context())  # (C, D, L)
        assert torch.linalg.matrix_rank(matrices).tolist() == [2] * C
        # the right factor is one for all components: so is the space of all embeddings
        assert torch.linalg.matrix_rank(matrices.transpose(1, 2).flatten(0, 1)) == 2

    def test_head_and_encoder_are_shared(self) -> None:
        network = TestNetwork.make("patchtst")
        generated = [n for n, m in network.named_modules() if isinstance(m, HyperLinear)]
        assert generated == ["backbone.embedding"]


class TestCost:
    """Both ways of applying the pool are equal; which is taken depends on the sizes."""

    @pytest.fixture
    def contractions(self, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
        seen = []
        contract = LowRankPool.contract

        def record(self: LowRankPool, context: Tensor, x: Tensor, axis: int) -> Tensor:
            seen.append(x)
            return contract(self, context, x, axis)

        monkeypatch.setattr(LowRankPool, "contract", record)
        return seen

    @pytest.mark.parametrize(
        # L·D / (L + D) = 35 / 12: from three inputs of a channel on, its weights are generated
        ("batch", "middle", "contracts"),
        [(1, (), True), (2, (), True), (3, (), False), (1, (2,), True), (1, (3,), False)],
    )
    def test_in_training_few_inputs_are_contracted(
        self, batch: int, middle: tuple[int, ...], contracts: bool, contractions: list[Tensor]
    ) -> None:
        layer = light().train()
        layer.n_axes += len(middle)
        layer(inputs(*middle)[:batch])
        assert bool(contractions) == contracts

    def test_in_evaluation_weights_are_kept(self, contractions: list[Tensor]) -> None:
        layer = light().eval()
        asked = []
        auxiliary(layer).context.register_forward_hook(lambda *_: asked.append(1))
        with torch.no_grad():
            layer(inputs()[:1])
            layer(inputs()[:1])
        assert contractions == []
        assert asked == [1]

    def test_many_weights_are_not_generated_for_few_inputs(
        self, contractions: list[Tensor], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = light().eval()
        # a pool holds r + D = 8 numbers for each input, and L·D = 35 weights for each channel
        x = inputs()[:4]
        expected = layer(x)
        monkeypatch.setattr(HyperLinear, "max_generated", C * L * D - 1)
        close(layer(x), expected)
        close(layer.train()(x), expected)
        assert len(contractions) == 2

    def test_gradients_are_equal(
        self, contractions: list[Tensor], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = light().train()
        x = inputs()[:4]
        target = torch.randn(4, C, D, dtype=torch.float64)

        def gradients() -> list[Tensor]:
            loss = (layer(x) - target).square().sum()
            return list(torch.autograd.grad(loss, list(layer.parameters())))

        generated = gradients()
        assert contractions == []
        monkeypatch.setattr(HyperLinear, "max_generated", 1)
        torch.testing.assert_close(gradients(), generated, rtol=1e-10, atol=1e-10)
        assert len(contractions) == 1


class TestNetwork:
    @staticmethod
    def make(backbone: str = "rmlp", **options: Any) -> ForecastingNetwork:
        torch.manual_seed(3)
        return ForecastingNetwork(
            lookback=32,
            horizon=4,
            n_channels=C,
            parts={"light-sae": options},
            backbone=backbone,
        )

    @pytest.mark.parametrize("backbone", BACKBONES)
    def test_every_variant_starts_as_the_plain_backbone(self, backbone: str) -> None:
        embedding = {"embedding_dim": 12} if backbone in WITHOUT_EMBEDDING else {}
        x = torch.randn(B, 32, C, dtype=torch.float64)
        networks = [
            self.make(backbone, variant=variant, **embedding).double().eval()
            for variant in ("shared", "full", "light")
        ]
        shared, full, pooled = (network(x) for network in networks)
        close(full, shared)
        close(pooled, shared)
        if not embedding:
            torch.manual_seed(3)
            plain = ForecastingNetwork(lookback=32, horizon=4, n_channels=C, backbone=backbone)
            assert torch.equal(plain.double().eval()(x), shared)

    @pytest.mark.parametrize("backbone", WITHOUT_EMBEDDING)
    def test_an_embedding_before_a_backbone_without_one(self, backbone: str) -> None:
        network = self.make(backbone, embedding_dim=12).double().eval()
        x = torch.randn(B, 32, C, dtype=torch.float64)
        with torch.no_grad():
            auxiliary(network.embedding).generator.right.normal_()
        by_hand = ForecastingNetwork(
            lookback=12, horizon=4, n_channels=C, backbone=backbone, instance_norm="none"
        ).double()
        others = ("embedding.", "gap_filler.")  # of windows of another length
        state = {k: v for k, v in network.state_dict().items() if not k.startswith(others)}
        by_hand.load_state_dict(state, strict=False)
        by_hand.eval()
        windows = x.transpose(1, 2)
        norm = network.instance_norm
        if norm is not None:
            statistics = norm.statistics(windows)
            windows = norm.normalise(windows, statistics)
        y = by_hand(network.embedding(windows).transpose(1, 2))
        if norm is not None:
            y = norm.restore(y.transpose(1, 2), statistics, ["location"]).transpose(1, 2)
        close(network(x), y)

    def test_patches_are_embedded_one_by_one(self) -> None:
        network = self.make("patchtst", rank=2)
        embedding = network.backbone.embedding
        patch_len = network.backbone.patching.patch_len
        assert embedding.weight.shape[1] == patch_len < 32
        assert auxiliary(embedding).generator.left.shape == (10, patch_len, 2)

    def test_penalty_of_the_network(self) -> None:
        assert self.make().penalty() is None
        network = self.make(load_balancing=0.3)
        gate = next(m for m in network.modules() if isinstance(m, ChannelGate))
        assert torch.equal(network.penalty(), gate.penalty())
        assert gate.penalty() > 0
        assert self.make(variant="full").penalty() is None

    def test_gates(self) -> None:
        [gate] = self.make(n_components=3).contexts("light-sae")
        assert gate().shape == (C, 3)
        [index] = self.make(variant="full").contexts("light-sae")
        assert not isinstance(index, ChannelGate)
        assert self.make(variant="shared").contexts("light-sae") == []

    def test_training_goes_on_after_folding(self) -> None:
        network = self.make(rank=2)
        x = torch.randn(B, 32, C)
        before = copy.deepcopy(network.state_dict())
        network.eval().fold()
        assert all(torch.equal(a, before[k]) for k, a in network.state_dict().items())
        network.train()(x).square().mean().backward()
        assert auxiliary(network.backbone.embedding).generator.right.grad.abs().sum() > 0


class TestParameters:
    """Counted by hand."""

    def test_of_a_layer(self) -> None:
        shared = L * D + D
        assert count_parameters(embedding(variant="shared")) == shared
        full = embedding(variant="full")
        assert count_parameters(full) == shared + C * (L * D + D)
        pooled = embedding(rank=R, n_components=K)
        assert count_parameters(pooled) == shared + K * L * R + R * D + K * D + C * K

    @pytest.mark.parametrize(("lookback", "channels"), [(96, 21), (96, 883)])
    def test_of_rmlp(self, lookback: int, channels: int) -> None:
        def count(**options: Any) -> int:
            network = ForecastingNetwork(
                lookback=lookback,
                horizon=96,
                n_channels=channels,
                parts={"light-sae": options},
                backbone="rmlp",
            )
            return count_parameters(network)

        width = 512
        embedding = lookback * width + width
        perceptron = 2 * (width * width + width)
        head = width * 96 + 96
        assert count(variant="shared") == embedding + perceptron + head
        added = 10 * lookback * 25 + 25 * width + 10 * width + 10 * channels
        assert count() == count(variant="shared") + added

    def test_default_rank_is_as_high_as_makes_a_difference(self) -> None:
        def rank(in_features: int, out_features: int, **options: Any) -> int:
            layer = embedding(in_features, out_features, **options)
            return auxiliary(layer).generator.right.shape[0]

        assert rank(96, 512) == 25
        assert rank(96, 16) == 16
        assert rank(4, 512, n_components=3) == 12
        # rows of the right factor beyond a patch's length serve the other components
        assert rank(16, 512) == 25
        assert isinstance(auxiliary(embedding(4, 8)).generator, LowRankPool)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"variant": "lite"},
            "Unknown variant 'lite'. Did you mean 'light'? Expected one of: 'shared', 'full', "
            "'light'.",
        ),
        ({"rank": 0}, "rank must be a whole number >= 1; got 0."),
        ({"n_components": 2.5}, "n_components must be a whole number >= 1; got 2.5."),
        ({"embedding_dim": 0}, "embedding_dim must be a whole number >= 1; got 0."),
        (
            {"gate_init": "zeros"},
            "Unknown gate_init 'zeros'. Expected one of: 'random', 'uniform', 'correlation', or "
            "None.",
        ),
        ({"load_balancing": -1.0}, "load_balancing must be a finite number >= 0; got -1.0."),
        (
            {"variant": "full", "rank": 3},
            "rank would have no effect with variant='full', which has no pool. Leave it out, or "
            "choose variant='light' with a pool of several components.",
        ),
        (
            {"variant": "shared", "n_components": 3, "load_balancing": 0.1},
            "n_components and load_balancing would have no effect with variant='shared', which "
            "has no pool. Leave them out, or choose variant='light' with a pool of several "
            "components.",
        ),
        (
            {"n_components": 1, "gate_init": "uniform"},
            "gate_init would have no effect with n_components=1, where every gate is 1. Leave it "
            "out, or choose variant='light' with a pool of several components.",
        ),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make_parts({"light-sae": options})


def test_a_rank_that_makes_no_difference_is_refused() -> None:
    message = (
        "rank=9 is more than can make a difference: 2 components of 4 inputs and 16 outputs have "
        "rank 8 together. Choose rank <= 8."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        embedding(4, 16, rank=9, n_components=2)
    embedding(4, 16, rank=8, n_components=2)


@pytest.mark.parametrize(
    ("backbone", "options", "message"),
    [
        (
            "tsmixer",
            {},
            "The backbone 'tsmixer' has no embedding for LightSAE to take the place of. Give "
            "embedding_dim, the width of a linear embedding that is put before it, or choose a "
            "backbone that embeds, for example 'rmlp' or 'patchtst'. It has no layer named "
            "'embedding'; there are: 'backbone.blocks.0.time_mixing.0', "
            "'backbone.blocks.0.feature_mixing.0', "
            "'backbone.blocks.0.feature_mixing.3', 'backbone.blocks.1.time_mixing.0', "
            "'backbone.blocks.1.feature_mixing.0', 'backbone.blocks.1.feature_mixing.3', 'head'.",
        ),
        (
            "patchtst",
            {"embedding_dim": 8},
            "embedding_dim=8 is the width of an embedding before a backbone without one; the "
            "backbone 'patchtst' has its own. Leave embedding_dim out, and give its width in "
            "backbone_kwargs, for example {'d_model': 128}.",
        ),
    ],
)
def test_there_is_exactly_one_embedding(backbone: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        ForecastingNetwork(
            lookback=32,
            horizon=4,
            n_channels=3,
            parts={"light-sae": options},
            backbone=backbone,
        )


@pytest.mark.parametrize("backbone", BACKBONES)
def test_which_backbones_embed(backbone: str) -> None:
    options = {"embedding_dim": 8} if backbone in WITHOUT_EMBEDDING else {}
    network = TestNetwork.make(backbone, **options)
    [name] = [n for n, m in network.named_modules() if isinstance(m, HyperLinear)]
    assert name == ("embedding" if options else "backbone.embedding")


def test_adam_moves_logits_ten_times_as_fast_as_weights() -> None:
    layer = embedding(rank=R, n_components=K)
    with torch.no_grad():
        auxiliary(layer).generator.right.normal_()
    before = auxiliary(layer).context.logits.clone(), layer.weight.clone()
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-3)
    layer(torch.randn(B, C, L)).square().sum().backward()
    optimizer.step()
    moved = (auxiliary(layer).context.logits - before[0]).abs().mean()
    assert moved.item() == pytest.approx(1e-2, rel=1e-2)
    assert (layer.weight - before[1]).abs().mean().item() == pytest.approx(1e-3, rel=1e-2)
