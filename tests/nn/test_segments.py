"""Cutting a horizon into segments, and layers that differ between them."""

import re

import pytest
import torch
from torch import nn

from hyperforecast.nn import AdaptedLinear, LoRAExperts, SegmentMixture, Segments


def test_a_horizon_that_cuts_evenly() -> None:
    segments = Segments(12, n_segments=3)
    assert (segments.count, segments.length) == (3, 4)
    assert Segments(12, segment_length=4).count == 3


def test_the_last_segment_may_reach_beyond_the_horizon() -> None:
    segments = Segments(10, n_segments=4)
    assert (segments.count, segments.length) == (4, 3)
    y = torch.arange(12.0).view(4, 1, 1, 3, 1)  # (S, B, C, T, P)
    assert segments.join(y).flatten().tolist() == list(range(10))


@pytest.mark.parametrize(("horizon", "count"), [(96, 8), (12, 6), (8, 8), (3, 3), (1, 1), (9, 5)])
def test_by_default_there_are_eight_or_as_many_as_cut(horizon: int, count: int) -> None:
    assert Segments(horizon).count == count


def test_joining_what_is_the_same_for_all_segments() -> None:
    y = Segments(4, n_segments=2).join(torch.tensor([1.0, 2.0]).view(1, 1, 1, 2, 1))
    assert y.flatten().tolist() == [1.0, 2.0, 1.0, 2.0]


def test_splitting_what_is_given_for_every_step() -> None:
    segments = Segments(5, n_segments=2)
    x = torch.arange(20.0).view(2, 5, 2)  # (B, H, n)
    parts = segments.split(x)
    assert parts.shape == (2, 2, 1, 3, 2)
    assert torch.equal(parts[0, :, 0], x[:, :3])
    assert torch.equal(parts[1, :, 0], x[:, [3, 4, 4]])  # the last step goes on
    with segments.computing(3):
        assert torch.equal(segments.split(x), parts[:1])


def test_computing_some_segments() -> None:
    segments = Segments(12, n_segments=3)
    with segments.computing(5):
        assert (segments.n_active, segments.n_steps) == (2, 8)
        with segments.computing(1, adapted=False):
            assert (segments.n_active, segments.adapted) == (1, False)
        assert segments.adapted
    assert (segments.n_active, segments.n_steps) == (3, 12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_segments": 0}, "n_segments must be a whole number >= 1; got 0."),
        ({"segment_length": 1.5}, "segment_length must be a whole number >= 1; got 1.5."),
        ({"n_segments": 11}, "n_segments must be at most the horizon, 10 steps; got 11."),
        ({"segment_length": 12}, "segment_length must be at most the horizon, 10 steps; got 12."),
        ({"n_segments": 6}, "2 steps each make 5. Choose n_segments=5"),
        ({"n_segments": 2, "segment_length": 5}, "say the same thing twice"),
    ],
)
def test_errors(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Segments(10, **options)


class TestMixture:
    def test_shares_sum_to_one_and_start_in_order(self) -> None:
        shares = SegmentMixture(8, 4)()
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(8))
        assert shares.argmax(dim=1).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_by_hand(self) -> None:
        shares = SegmentMixture(3, 2)()
        e = torch.e
        expected = [
            [1 / (1 + 1 / e), 1 / (1 + e)],
            [0.5, 0.5],
            [1 / (1 + e), 1 / (1 + 1 / e)],
        ]
        torch.testing.assert_close(shares, torch.tensor(expected))
        torch.testing.assert_close(SegmentMixture(3, 2, mixing="free")(), shares)

    def test_one_expert_has_no_softmax_to_learn(self) -> None:
        assert SegmentMixture(3, 1)() is None
        assert not list(SegmentMixture(3, 1).parameters())
        assert SegmentMixture(3, 1, mixing="free")().tolist() == [[1.0]] * 3


class TestAdaptedLinear:
    def make(self, n_experts: int = 3, mixing: str = "softmax") -> AdaptedLinear:
        layer = AdaptedLinear(
            nn.Linear(12, 10),
            Segments(8, n_segments=4),
            LoRAExperts(n_experts, 12, 10, 1, scaling=0.5),
            SegmentMixture(4, n_experts, mixing=mixing),
        ).double()
        nn.init.normal_(layer.experts.up)
        return layer

    @pytest.mark.parametrize("mixing", ["softmax", "free"])
    @pytest.mark.parametrize("n_experts", [1, 3])
    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize("leading", [1, 4])
    def test_is_a_sum_over_experts(
        self, mixing: str, n_experts: int, training: bool, leading: int
    ) -> None:
        layer = self.make(n_experts, mixing).train(training)
        assert layer._contracts()
        x = torch.randn(leading, 5, 7, 12, dtype=torch.float64)
        shares = layer.shares()
        for s in range(4):
            weight = layer.weight.clone()
            for p in range(n_experts):
                weight = weight + 0.5 * shares[s, p] * (layer.experts.up[p] @ layer.experts.down[p])
            expected = x[min(s, leading - 1)] @ weight.T + layer.bias
            torch.testing.assert_close(layer(x)[s], expected, rtol=0, atol=1e-12)

    def test_a_pass_over_some_segments(self) -> None:
        for layer in (self.make().train(), self.make().eval()):
            x = torch.randn(4, 5, 12, dtype=torch.float64)
            whole = layer(x)
            with layer.segments.computing(3):
                torch.testing.assert_close(layer(x[:2]), whole[:2], rtol=0, atol=1e-12)
            with layer.segments.computing(2, adapted=False):
                alone = nn.functional.linear(x[:1], layer.weight, layer.bias)
                assert torch.equal(layer(x[:1]), alone)

    def test_many_experts_generate_weights_in_training_too(self) -> None:
        layer = AdaptedLinear(
            nn.Linear(4, 3),
            Segments(2, n_segments=2),
            LoRAExperts(3, 4, 3, 2),
            SegmentMixture(2, 3),
        ).double()
        nn.init.normal_(layer.experts.up)
        assert not layer._contracts()
        x = torch.randn(1, 6, 4, dtype=torch.float64)
        torch.testing.assert_close(layer.train()(x), layer.eval()(x), rtol=0, atol=1e-12)
