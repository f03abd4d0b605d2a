import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import (
    ChannelEmbedding,
    ChannelLinear,
    DenseGenerator,
    GeneratedLinear,
    channel_linear,
)


def by_loop(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    outputs = []
    for c in range(len(weight)):
        one = x[:, 0] if x.shape[1] == 1 else x[:, c]
        outputs.append(nn.functional.linear(one, weight[c], None if bias is None else bias[c]))
    return torch.stack(outputs, dim=1)


def make(*, dim: int = 2, hidden: tuple[int, ...] = ()) -> GeneratedLinear:
    layer = GeneratedLinear(ChannelEmbedding(4, dim), DenseGenerator(dim, 5, 3, hidden=hidden))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def effective(layer: GeneratedLinear, x: Tensor) -> Tensor:
    """What the layer must give for its parameters as they are now."""
    return by_loop(x, *layer.generator(layer.context()))


class TestChannelLinear:
    @pytest.mark.parametrize("extra", [(), (6,), (6, 2)])
    @pytest.mark.parametrize("bias", [True, False])
    @pytest.mark.parametrize("channels", [4, 1])
    @pytest.mark.parametrize("broadcast", [False, True])
    def test_equals_a_loop(self, extra: tuple, bias: bool, channels: int, broadcast: bool) -> None:
        weight = torch.randn(channels, 3, 5, dtype=torch.float64)
        offset = torch.randn(channels, 3, dtype=torch.float64) if bias else None
        x = torch.randn(7, 1 if broadcast else channels, *extra, 5, dtype=torch.float64)
        y = channel_linear(x, weight, offset)
        assert y.shape == (7, channels, *extra, 3)
        torch.testing.assert_close(y, by_loop(x, weight, offset), rtol=0, atol=1e-12)

    def test_takes_non_contiguous_input(self) -> None:
        weight, bias = torch.randn(4, 3, 5), torch.randn(4, 3)
        x = torch.randn(7, 5, 4).transpose(1, 2)
        torch.testing.assert_close(channel_linear(x, weight, bias), by_loop(x, weight, bias))

    def test_layer_starts_every_channel_alike_and_trains_them_apart(self) -> None:
        layer = ChannelLinear(4, 5, 3)
        assert (layer.weight == layer.weight[0]).all()
        assert (layer.bias == layer.bias[0]).all()
        x = torch.randn(7, 4, 5)
        layer(x)[:, 2].sum().backward()
        assert (layer.weight.grad[2] != 0).any()
        assert (layer.weight.grad[[0, 1, 3]] == 0).all()

    def test_parameter_count(self) -> None:
        assert sum(p.numel() for p in ChannelLinear(4, 5, 3).parameters()) == 4 * (5 * 3 + 3)
        assert sum(p.numel() for p in ChannelLinear(4, 5, 3, bias=False).parameters()) == 4 * 5 * 3


class TestGeneratedLinear:
    @pytest.mark.parametrize("mode", ["train", "eval", "no_grad", "inference"])
    def test_forward_equals_a_loop(self, mode: str) -> None:
        layer = make().train(mode == "train")
        x = torch.randn(7, 4, 5)
        expected = effective(layer, x).detach()
        with torch.inference_mode(mode == "inference"), torch.set_grad_enabled(mode == "train"):
            torch.testing.assert_close(layer(x), expected)
            torch.testing.assert_close(layer(x), expected)

    @pytest.mark.parametrize("max_generated", [0, 2**26])
    def test_both_ways_to_compute_agree(self, max_generated: int) -> None:
        layer = make(hidden=(6,)).double().train()
        layer.max_generated = max_generated
        x = torch.randn(2, 4, 5, dtype=torch.float64)
        torch.testing.assert_close(layer(x), effective(layer, x), rtol=0, atol=1e-12)

    def test_many_weights_are_contracted_in_training_only(self) -> None:
        layer = make().train()
        layer.max_generated = 0
        x = torch.randn(1, 4, 5)
        calls = []
        layer.generator.contract = lambda *args: (
            calls.append(1) or DenseGenerator.contract(layer.generator, *args)
        )
        layer(x)
        assert calls == [1]
        with torch.no_grad():
            layer.eval()(x)
        assert calls == [1]

    def test_shared_input_is_broadcast(self) -> None:
        layer = make()
        x = torch.randn(7, 1, 5)
        torch.testing.assert_close(layer(x), effective(layer, x))


class TestKeptWeights:
    x = torch.randn(7, 4, 5, generator=torch.Generator().manual_seed(0))

    def kept(self, layer: GeneratedLinear) -> bool:
        return layer._kept is not None

    def warmed(self) -> GeneratedLinear:
        layer = make().eval()
        with torch.no_grad():
            layer(self.x)
        assert self.kept(layer)
        return layer

    def check(self, layer: GeneratedLinear) -> None:
        x = self.x.to(layer.generator.weight.dtype)
        expected = effective(layer, x).detach()
        with torch.no_grad():
            torch.testing.assert_close(layer(x), expected)

    def test_generated_once_while_predicting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        layer = make().eval()
        calls = []
        generate = layer.generate
        monkeypatch.setattr(layer, "generate", lambda: calls.append(1) or generate())
        with torch.no_grad():
            layer(self.x)
            layer(self.x)
        with torch.inference_mode():
            layer(self.x)
        assert len(calls) == 1

    def test_not_kept_in_training_or_with_gradients(self) -> None:
        layer = make().train()
        with torch.no_grad():
            layer(self.x)
        assert not self.kept(layer)
        layer.eval()(self.x)
        assert not self.kept(layer)

    def test_dropped_by_train(self) -> None:
        layer = self.warmed()
        layer.train()
        assert not self.kept(layer)

    def test_dropped_when_only_the_flag_says_training(self) -> None:
        layer = self.warmed()
        for module in layer.modules():
            module.training = True
        layer(self.x)
        assert not self.kept(layer)

    def test_new_after_an_optimizer_step_in_eval_mode(self) -> None:
        layer = self.warmed()
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.1)
        layer(self.x).square().sum().backward()
        optimizer.step()
        self.check(layer)

    def test_new_after_load_state_dict(self) -> None:
        layer, other = self.warmed(), make()
        layer.load_state_dict(other.state_dict())
        self.check(layer)
        with torch.no_grad():
            torch.testing.assert_close(layer(self.x), effective(other, self.x))

    @pytest.mark.parametrize("assign", [False, True])
    def test_new_after_the_context_alone_changed(self, assign: bool) -> None:
        layer = self.warmed()
        if assign:
            layer.context.weight = nn.Parameter(torch.randn(4, 2))
        else:
            with torch.no_grad():
                layer.context.weight.add_(1)
        self.check(layer)

    def test_new_after_a_change_of_precision(self) -> None:
        layer = self.warmed()
        layer.double()
        self.check(layer)
        with torch.no_grad():
            assert layer(self.x.double()).dtype == torch.float64
        layer.float()
        self.check(layer)

    def test_gradients_in_eval_mode_are_right(self) -> None:
        layer = self.warmed().double()
        x = self.x.double()
        with torch.no_grad():
            layer(x)
        parameters = list(layer.parameters())
        found = torch.autograd.grad(layer(x).square().sum(), parameters)
        expected = torch.autograd.grad(effective(layer, x).square().sum(), parameters)
        for a, b in zip(found, expected, strict=True):
            torch.testing.assert_close(a, b)

    def test_weights_kept_under_inference_mode_serve_training_afterwards(self) -> None:
        layer = make().eval()
        with torch.inference_mode():
            layer(self.x)
        layer.train()(self.x).sum().backward()
        assert layer.context.weight.grad is not None

    def test_parameters_made_under_inference_mode(self) -> None:
        with torch.inference_mode():
            layer = copy.deepcopy(make()).eval()
            torch.testing.assert_close(layer(self.x), effective(layer, self.x))

    @pytest.mark.parametrize("how", ["deepcopy", "pickle"])
    def test_copies_work_and_are_independent(self, how: str) -> None:
        layer = self.warmed()
        duplicate = copy.deepcopy(layer) if how == "deepcopy" else pickle.loads(pickle.dumps(layer))
        before = effective(layer, self.x).detach()
        with torch.no_grad():
            duplicate.context.weight.add_(1)
        self.check(duplicate)
        with torch.no_grad():
            torch.testing.assert_close(layer(self.x), before)

    def test_does_not_enter_the_state_dict(self) -> None:
        assert self.warmed().state_dict().keys() == make().state_dict().keys()


def test_fold_holds_the_generated_weights() -> None:
    layer = make(hidden=(6,)).eval()
    folded = layer.fold()
    assert type(folded) is ChannelLinear
    assert not folded.training
    weight, bias = layer.generate()
    assert torch.equal(folded.weight, weight)
    assert torch.equal(folded.bias, bias)
    assert folded.weight.requires_grad
