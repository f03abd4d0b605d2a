"""The layer of the one equation against a loop over segments, windows and channels."""

import itertools
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import (
    ChannelEmbedding,
    ChannelGate,
    ChannelIndex,
    ChannelLinear,
    Condition,
    DenseGenerator,
    FreeWeights,
    HyperLinear,
    LoRAExperts,
    LowRankPool,
    SegmentMixture,
    StackedLinear,
    Term,
    fold,
)
from hyperforecast.nn.generators.base import Cost, PiecewiseGenerator
from tests.nn.made_contexts import WindowMean

S, B, C, L, N_IN, N_OUT = 2, 3, 4, 6, 5, 3


TERMS: dict[str, Callable[[], Term]] = {
    "dense": lambda: Term(ChannelEmbedding(C, 2), DenseGenerator(2, N_IN, N_OUT, hidden=(3,))),
    "unbiased": lambda: Term(ChannelEmbedding(C, 2), DenseGenerator(2, N_IN, N_OUT, bias=False)),
    "pool": lambda: Term(ChannelGate(C, 3), LowRankPool(3, N_IN, N_OUT, 2)),
    "free": lambda: Term(ChannelIndex(C), FreeWeights(C, N_IN, N_OUT)),
    "lora": lambda: Term(
        SegmentMixture(S, 3), LoRAExperts(3, N_IN, N_OUT, 2, scaling=0.5), adapter=True
    ),
    "window": lambda: Term(WindowMean(), DenseGenerator(2, N_IN, N_OUT)),
}
COMBINATIONS = [
    *(names for n in range(3) for names in itertools.combinations(TERMS, n)),
    ("lora", "window", "dense"),
    ("window", "pool", "lora"),
    ("free", "lora", "dense", "window"),
]
each_way = pytest.mark.parametrize("way", ["generate", "contract"])


def force(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make one way of applying a term the cheaper one for every generator."""
    monkeypatch.setattr(HyperLinear, "max_generated", 2**26 if way == "generate" else -1)
    high = 10**9
    cost = Cost(0, high, high) if way == "generate" else Cost(high, 0, 0)
    for generator in (DenseGenerator, FreeWeights, LoRAExperts, LowRankPool):
        monkeypatch.setattr(generator, "cost", lambda self: cost)


def make(*names: str, bias: bool = True, of_channels: bool = False, n_axes: int = 3) -> HyperLinear:
    """A layer whose every parameter matters."""
    base = (
        ChannelLinear(C, N_IN, N_OUT, bias=bias)
        if of_channels
        else nn.Linear(N_IN, N_OUT, bias=bias)
    )
    layer = HyperLinear(base, n_axes)
    for name in names:
        layer.add(name, TERMS[name]())
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer.double()


def values(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def condition() -> Condition:
    return Condition(values(B, C, L))


def naive(layer: HyperLinear, x: Tensor, given: Condition, leading: bool = False) -> Tensor:
    """Sum the weights of one segment, window and channel after the other, and apply them."""
    made = {
        term.axis: [] for term in layer.terms.values()
    }  # weights and biases by the axis along which they differ
    for term in layer.terms.values():
        made[term.axis].append(term.generator.generate(term.context(given)))
    x = x if leading else x[None]
    y = []
    for s, b, c in itertools.product(range(len(x)), range(x.shape[1]), range(C)):
        of_channels = layer.weight.dim() == 3
        weight = layer.weight[c] if of_channels else layer.weight
        bias = torch.zeros(N_OUT, dtype=x.dtype)
        if layer.bias is not None:
            bias = layer.bias[c] if of_channels else layer.bias
        index = {"window": b, "channel": c} | ({"segment": s} if leading else {})
        for axis, place in index.items():
            for added, offset in made.get(axis, []):
                weight = weight + added[place]
                bias = bias if offset is None else bias + offset[place]
        y.append(x[s, b, min(c, x.shape[2] - 1)] @ weight.T + bias)
    result = torch.stack(y).unflatten(0, (len(x), -1, C))
    return result if leading else result[0]


def calls_of(layer: HyperLinear, name: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note how a term's generator is used from now on."""
    seen: list[str] = []
    inside: list[str] = []  # add_to may call generate, which is the same use; so is multiplying
    generator = layer.terms[name].generator
    ways = ["generate", "add_to", "contract"]
    ways += ["multiply"] if isinstance(generator, PiecewiseGenerator) else []
    for way in ways:
        method = getattr(generator, way)

        def record(*given: object, way: str = way, method: Callable = method) -> object:
            if not inside:
                seen.append("contract" if way == "contract" else "generate")
            inside.append(way)
            try:
                return method(*given)
            finally:
                inside.pop()

        monkeypatch.setattr(generator, way, record)
    return seen


class TestEqualsALoop:
    """However a term is applied, the layer's output is that of the summed weights."""

    @pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
    @pytest.mark.parametrize("of_channels", [False, True])
    @each_way
    def test_every_combination(
        self, names: tuple[str, ...], of_channels: bool, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        force(way, monkeypatch)
        given = condition()
        for bias, training in itertools.product((True, False), repeat=2):
            layer = make(*names, bias=bias, of_channels=of_channels).train(training)
            one = values(B, C, N_IN)
            # segments: none, a real axis, one that is the same for all, and the first of them
            for x, leading in (
                (one, False),
                (values(S, B, C, N_IN), True),
                (one.expand(S, *one.shape), True),
                (values(1, B, C, N_IN), True),
            ):
                expected = naive(layer, x, given, leading)
                found = layer(x, given)
                if len(names) or of_channels or not leading:
                    assert found.shape == expected.shape
                torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)

    @pytest.mark.parametrize("extra", [(), (2,), (2, 3)])
    @each_way
    def test_axes_between_channels_and_inputs(
        self, extra: tuple[int, ...], way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        force(way, monkeypatch)
        given = condition()
        layer = make("lora", "window", "pool", n_axes=3 + len(extra))
        x = values(S, B, C, *extra, N_IN)
        places = itertools.product(*map(range, extra))
        expected = torch.empty(S, B, C, *extra, N_OUT, dtype=torch.float64)
        for place in places:
            at = (slice(None), slice(None), slice(None), *place)
            expected[at] = naive(layer, x[at], given, True)
        torch.testing.assert_close(layer(x, given), expected, rtol=0, atol=1e-12)

    @pytest.mark.parametrize("names", [("dense",), ("pool", "lora"), ("dense", "window")])
    @each_way
    def test_one_input_for_all_channels(
        self, names: tuple[str, ...], way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        force(way, monkeypatch)
        given = condition()
        layer = make(*names)
        for x, leading in ((values(B, 1, N_IN), False), (values(S, B, 1, N_IN), True)):
            expected = naive(layer, x, given, leading)
            torch.testing.assert_close(layer(x, given), expected, rtol=0, atol=1e-12)

    @pytest.mark.parametrize("max_generated", [0, 2**26])
    def test_both_ways_to_compute_agree(self, max_generated: int) -> None:
        layer = make("dense").train()
        layer.max_generated = max_generated
        x = values(2, C, N_IN)
        torch.testing.assert_close(layer(x), naive(layer, x, condition()), rtol=0, atol=1e-12)

    @pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
    def test_gradients_do_not_depend_on_the_way(
        self, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer, given = make(*names), condition()
        x = values(S, B, C, N_IN).requires_grad_()
        target = values(S, B, C, N_OUT)
        parameters = [x, *layer.parameters()]

        def gradients(y: Tensor) -> list[Tensor]:
            return list(torch.autograd.grad((y - target).square().sum(), parameters))

        expected = gradients(naive(layer, x, given, True))
        for way in ("generate", "contract"):
            force(way, monkeypatch)
            torch.testing.assert_close(gradients(layer(x, given)), expected, rtol=1e-9, atol=1e-9)

    @each_way
    @pytest.mark.parametrize("name", TERMS)
    @pytest.mark.parametrize("training", [True, False])
    def test_the_way_is_the_forced_one(
        self, way: str, name: str, training: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        force(way, monkeypatch)
        layer = make(name).train(training)
        seen = calls_of(layer, name, monkeypatch)
        layer(values(S, B, C, N_IN), condition())
        assert seen == [way]

    def test_without_segments_their_terms_are_left_out(self) -> None:
        layer, x = make("lora"), values(B, C, N_IN)
        for training in (True, False):
            alone = nn.functional.linear(x, layer.weight, layer.bias)
            assert torch.equal(layer.train(training)(x), alone)
            with torch.no_grad():
                assert torch.equal(layer(x), alone)
                layer(x[None])
                assert torch.equal(layer(x), alone)


class TestLoRA:
    """Mixtures of experts by segment, as MoLA has them, on axes of no particular meaning."""

    def make(self, n_experts: int = 3, mixing: str = "softmax", n_axes: int = 3) -> HyperLinear:
        layer = HyperLinear(nn.Linear(12, 10), n_axes)
        experts = LoRAExperts(n_experts, 12, 10, 1, scaling=0.5)
        layer.add("mola", Term(SegmentMixture(4, n_experts, mixing=mixing), experts))
        nn.init.normal_(experts.up)
        return layer.double()

    @pytest.mark.parametrize("mixing", ["softmax", "free"])
    @pytest.mark.parametrize("n_experts", [1, 3])
    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize("real", [True, False])
    @pytest.mark.parametrize("batch", [1, 35])
    def test_is_a_sum_over_experts(
        self, mixing: str, n_experts: int, training: bool, real: bool, batch: int
    ) -> None:
        layer = self.make(n_experts, mixing).train(training)
        # up to five inputs of a segment are contracted in training
        one = values(batch, 2, 12)
        x = values(4, batch, 2, 12) if real else one.expand(4, *one.shape)
        term = layer.terms["mola"]
        shares = term.context()
        for s in range(4):
            weight = layer.weight.clone()
            for p in range(n_experts):
                up, down = term.generator.up[p], term.generator.down[p]
                weight = weight + 0.5 * shares[s, p] * (up @ down)
            expected = x[s] @ weight.T + layer.bias
            torch.testing.assert_close(layer(x)[s], expected, rtol=0, atol=1e-12)

    def test_a_pass_over_some_segments(self) -> None:
        for layer in (self.make(n_axes=2).train(), self.make(n_axes=2).eval()):
            x = values(4, 5, 12)
            whole = layer(x)
            torch.testing.assert_close(layer(x[:2]), whole[:2], rtol=0, atol=1e-12)
            alone = nn.functional.linear(x[0], layer.weight, layer.bias)
            assert torch.equal(layer(x[0]), alone)

    def test_both_ways_agree(self) -> None:
        layer = HyperLinear(nn.Linear(4, 3), 2)
        layer.add("mola", Term(SegmentMixture(2, 3), LoRAExperts(3, 4, 3, 2)))
        nn.init.normal_(layer.terms["mola"].generator.up)
        layer = layer.double()
        x = values(6, 4).expand(2, 6, 4)
        torch.testing.assert_close(layer.train()(x), layer.eval()(x), rtol=0, atol=1e-12)


class TestCheaperWay:
    """Both ways of applying a term are equal; which is taken depends on what they cost."""

    @pytest.mark.parametrize(
        # of a pool: 3·r·I·O = 90 multiplications of a channel to generate its weights, and
        # 3·r·(I + O) = 48 for each input to contract it: from two inputs of a channel on,
        # generating is cheaper
        ("batch", "middle", "way"),
        [
            (1, (), "contract"),
            (2, (), "generate"),
            (1, (2,), "generate"),
            (1, (1,), "contract"),
            (5, (3,), "generate"),
        ],
    )
    def test_in_training_few_inputs_are_contracted(
        self, batch: int, middle: tuple[int, ...], way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = make("pool", n_axes=3 + len(middle)).train()
        seen = calls_of(layer, "pool", monkeypatch)
        layer(values(batch, C, *middle, N_IN))
        assert seen == [way]

    @pytest.mark.parametrize(
        # K·I·O = 2·15 to generate, K·O·(I + 1) = 2·18 for each input: never cheaper to contract
        ("name", "batch"),
        [("dense", 1), ("window", 1), ("free", 1)],
    )
    def test_bases_and_free_weights_are_not_contracted_to_save_time(
        self, name: str, batch: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = make(name).train()
        seen = calls_of(layer, name, monkeypatch)
        layer(values(B, C, N_IN)[:batch, :1].expand(batch, C, N_IN), condition())
        assert "contract" not in seen

    @pytest.mark.parametrize(
        # 10 x 10, one expert of rank 1: 3·100 to generate a segment's weight, 3·20 for each input
        # to contract. On a base that is held still a gradient of the sum costs 100 for each input
        # besides, which the base alone would not need: contraction is always cheaper.
        ("inputs", "frozen", "way"),
        [
            (4, False, "contract"),
            (5, False, "generate"),
            (5, True, "contract"),
            (5000, True, "contract"),
        ],
    )
    def test_a_base_that_is_held_still_favours_contraction(
        self, inputs: int, frozen: bool, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = HyperLinear(nn.Linear(10, 10), 2).train()
        layer.add("lora", Term(SegmentMixture(2, 1), LoRAExperts(1, 10, 10, 1)))
        layer.weight.requires_grad_(not frozen)
        seen = calls_of(layer, "lora", monkeypatch)
        one = torch.randn(inputs, 10)
        layer(one.expand(2, *one.shape))
        layer(torch.randn(2, inputs, 10))
        assert seen == [way, way]

    @pytest.mark.parametrize(
        # 10 x 10 and two experts of rank 1: 3·200 to generate, 3·40 for each input, and 100 for
        # each input if the base is held still: 600 + 100 n = 120 n at n = 30
        ("inputs", "way"),
        [(29, "contract"), (30, "generate")],
    )
    def test_the_boundary_on_a_base_that_is_held_still(
        self, inputs: int, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = HyperLinear(nn.Linear(10, 10), 2).train()
        layer.add("lora", Term(SegmentMixture(2, 2), LoRAExperts(2, 10, 10, 1)))
        layer.weight.requires_grad_(requires_grad=False)
        seen = calls_of(layer, "lora", monkeypatch)
        layer(torch.randn(2, inputs, 10))
        assert seen == [way]

    @pytest.mark.parametrize(
        # few enough inputs that training contracts them, where that can be
        ("name", "n_axes", "shape", "in_training"),
        [
            ("pool", 3, (1, C, N_IN), "contract"),
            ("lora", 2, (S, 1, N_IN), "contract"),
            ("dense", 3, (1, C, N_IN), "generate"),
        ],
    )
    def test_in_evaluation_weights_are_kept(
        self,
        name: str,
        n_axes: int,
        shape: tuple[int, ...],
        in_training: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        layer = make(name, n_axes=n_axes).train()
        seen = calls_of(layer, name, monkeypatch)
        layer(values(*shape))
        layer.eval()
        with torch.no_grad():
            for _ in range(3):
                layer(values(*shape))
        assert seen == [in_training, "generate"]

    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize(
        # a pool holds r + O = 5 numbers for each input, and I·O = 15 weights for each channel
        ("inputs", "max_generated", "way"),
        [
            (2, C * N_IN * N_OUT - 1, "contract"),
            (3, C * N_IN * N_OUT - 1, "generate"),
            (2, C * N_IN * N_OUT, "generate"),
        ],
    )
    def test_many_weights_are_generated_only_if_that_holds_less(
        self,
        training: bool,
        inputs: int,
        max_generated: int,
        way: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        layer = make("pool").train(training)
        x = values(inputs, C, N_IN)
        expected = naive(layer, x, condition())
        monkeypatch.setattr(HyperLinear, "max_generated", max_generated)
        seen = calls_of(layer, "pool", monkeypatch)
        torch.testing.assert_close(layer(x), expected, rtol=0, atol=1e-12)
        assert seen == [way]

    def test_many_weights_of_a_dense_generator(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # three bases hold 4·O = 12 numbers for each input, fewer than I·O = 15 for each channel
        layer = make("dense")
        layer.max_generated = 0
        seen = calls_of(layer, "dense", monkeypatch)
        layer(values(1, C, N_IN))
        layer(values(2, C, N_IN))
        assert seen == ["contract", "generate"]

    def test_one_input_for_all_channels_is_not_contracted(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        layer = make("pool").train()
        layer.max_generated = 0
        seen = calls_of(layer, "pool", monkeypatch)
        layer(values(1, 1, N_IN))
        assert seen == ["generate"]

    def test_segments_count_as_inputs_of_a_channel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        layer = make("pool", "lora").train()
        seen = calls_of(layer, "pool", monkeypatch)
        one = values(1, C, N_IN)
        layer(one.expand(S, *one.shape))  # one input of a channel
        layer(values(S, 1, C, N_IN))  # two
        assert seen == ["contract", "generate"]

    def test_each_term_goes_its_own_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        layer, given = make("dense", "pool").train(), condition()
        dense, pool = (calls_of(layer, name, monkeypatch) for name in ("dense", "pool"))
        x = values(1, C, N_IN)
        torch.testing.assert_close(layer(x), naive(layer, x, given), rtol=0, atol=1e-12)
        assert dense[0] == "generate"
        assert pool[0] == "contract"


class TestFold:
    @pytest.mark.parametrize(
        "names", [names for names in COMBINATIONS if "window" not in names], ids="+".join
    )
    @pytest.mark.parametrize("of_channels", [False, True])
    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("extra", [(), (2,)])
    def test_folded_is_unfolded(
        self, names: tuple[str, ...], of_channels: bool, bias: bool, extra: tuple[int, ...]
    ) -> None:
        layer = make(*names, bias=bias, of_channels=of_channels, n_axes=3 + len(extra)).eval()
        folded = fold(layer)
        kind = nn.Linear
        if of_channels or {"dense", "unbiased", "pool", "free"} & set(names):
            kind = ChannelLinear
        if "lora" in names:
            kind = StackedLinear
        assert type(folded) is kind
        assert not folded.training
        x = values(S, B, C, *extra, N_IN) if "lora" in names else values(B, C, *extra, N_IN)
        torch.testing.assert_close(folded(x), layer(x), rtol=0, atol=1e-12)
        if "lora" in names:
            torch.testing.assert_close(folded(x[:1]), layer(x[:1]), rtol=0, atol=1e-12)
        with torch.no_grad():
            before = folded(x)
            for parameter in layer.parameters():
                parameter.add_(1)
            assert torch.equal(folded(x), before)
        assert all(parameter.requires_grad for parameter in folded.parameters())

    def test_a_dynamic_term_refuses_by_name(self) -> None:
        message = (
            "What 'window' generates depends on the window that is forecast from, so there are no "
            "fixed weights to fold into."
        )
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            make("dense", "window").fold()


class TestDynamic:
    def test_each_window_has_its_own_weights(self) -> None:
        layer, given = make("window"), condition()
        x = values(1, C, N_IN).expand(B, C, N_IN)
        y = layer(x, given)
        assert (y[0] - y[1]).abs().min() > 1e-6
        window = given.window.clone()
        window[1] += 1
        changed = layer(x, Condition(window))
        assert torch.equal(changed[[0, 2]], y[[0, 2]])
        assert not torch.allclose(changed[1], y[1])

    def test_weights_are_not_kept(self) -> None:
        layer, x = make("dense", "window").eval(), values(B, C, N_IN)
        with torch.no_grad():
            for given in (condition(), condition()):
                expected = naive(layer, x, given)
                torch.testing.assert_close(layer(x, given), expected, rtol=0, atol=1e-12)


def test_parameters_of_the_base_keep_their_names_and_are_the_same() -> None:
    base = nn.Linear(N_IN, N_OUT)
    layer = HyperLinear(base, 3)
    assert layer.weight is base.weight
    assert layer.bias is base.bias
    layer.add("pool", TERMS["pool"]())
    names = {name for name in layer.state_dict() if not name.startswith("terms.pool.")}
    assert names == {"weight", "bias"}
    assert (layer.in_features, layer.out_features) == (N_IN, N_OUT)


def test_a_part_has_one_term_at_a_layer() -> None:
    layer = make("pool")
    with pytest.raises(ValueError, match=r"^The layer has a term of 'pool' already\.$"):
        layer.add("pool", TERMS["pool"]())


def test_axes_are_in_the_order_of_the_activations() -> None:
    assert make().axes == ()
    assert make(of_channels=True).axes == ("channel",)
    assert make("dense", "window", "lora").axes == ("segment", "window", "channel")
    assert make("window", of_channels=True).axes == ("window", "channel")


@pytest.mark.parametrize("names", [("dense",), ("pool", "free"), ()])
def test_some_channels_alone(names: tuple[str, ...]) -> None:
    layer = make(*names, of_channels=not names)
    x = values(B, C, N_IN)
    channels = slice(1, 3)
    expected = naive(layer, x, condition())[:, channels]
    torch.testing.assert_close(
        layer.apply_to(x[:, channels], channels), expected, rtol=0, atol=1e-12
    )
