"""Weights that are generated once for a run of predictions."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import ChannelEmbedding, ChannelLinear, DenseGenerator, HyperLinear, Term
from hyperforecast.nn.contexts import ChannelGate
from hyperforecast.nn.generators import LowRankPool


def make(*, dim: int = 2, hidden: tuple[int, ...] = ()) -> HyperLinear:
    layer = HyperLinear(nn.Linear(5, 3), 3)
    generator = DenseGenerator(dim, 5, 3, hidden=hidden)
    layer.add("part", Term(ChannelEmbedding(4, dim), generator))
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_()
    return layer


def effective(layer: HyperLinear, x: Tensor) -> Tensor:
    """What the layer must give for its parameters as they are now."""
    term = layer.terms["part"]
    weight, bias = term.generator.generate(term.context())
    outputs = [
        nn.functional.linear(x[:, c], layer.weight + weight[c], layer.bias + bias[c])
        for c in range(len(weight))
    ]
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize("mode", ["train", "eval", "no_grad", "inference"])
def test_forward_equals_a_loop(mode: str) -> None:
    layer = make().train(mode == "train")
    x = torch.randn(7, 4, 5)
    expected = effective(layer, x).detach()
    with torch.inference_mode(mode == "inference"), torch.set_grad_enabled(mode == "train"):
        torch.testing.assert_close(layer(x), expected)
        torch.testing.assert_close(layer(x), expected)


class TestKeptWeights:
    x = torch.randn(7, 4, 5, generator=torch.Generator().manual_seed(0))

    def kept(self, layer: HyperLinear) -> bool:
        """Say whether the next prediction takes weights as they were."""
        calls = []
        handle = layer.terms["part"].context.register_forward_hook(lambda *_: calls.append(1))
        with torch.no_grad():
            layer(self.x.to(layer.weight.dtype))
        handle.remove()
        return not calls

    def warmed(self) -> HyperLinear:
        layer = make().eval()
        with torch.no_grad():
            layer(self.x)
        assert self.kept(layer)
        return layer

    def check(self, layer: HyperLinear) -> None:
        x = self.x.to(layer.weight.dtype)
        expected = effective(layer, x).detach()
        with torch.no_grad():
            torch.testing.assert_close(layer(x), expected)

    def test_generated_once_while_predicting(self) -> None:
        layer = make().eval()
        calls = []
        layer.terms["part"].context.register_forward_hook(lambda *_: calls.append(1))
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
        assert not layer._kept
        layer.eval()(self.x)
        assert not layer._kept

    def test_dropped_by_train(self) -> None:
        layer = self.warmed()
        layer.train()
        assert not layer._kept
        layer.eval()
        assert not self.kept(layer)

    def test_not_dropped_by_eval(self) -> None:
        assert self.kept(self.warmed().eval())

    def test_dropped_when_only_the_flag_says_training(self) -> None:
        layer = self.warmed()
        for module in layer.modules():
            module.training = True
        layer(self.x)
        assert not layer._kept

    @pytest.mark.parametrize("way", ["contract", "multiply", "apply_to"])
    def test_dropped_by_a_training_pass_that_takes_no_weights(self, way: str) -> None:
        """A fused optimizer does not raise versions, and Lightning sets the flags alone."""
        x = torch.randn(1, 4, 5)
        layer = make()
        if way == "contract":
            layer = HyperLinear(nn.Linear(5, 3), 3)
            layer.add("part", Term(ChannelGate(4, 2), LowRankPool(2, 5, 3, 1)))
            nn.init.normal_(layer.terms["part"].generator.left)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.1, fused=True)
        layer.eval()
        with torch.no_grad():
            before = layer(x)
        for module in layer.modules():
            module.training = True
        y = layer.apply_to(x, slice(None)) if way == "apply_to" else layer(x)
        y.square().sum().backward()
        optimizer.step()
        for module in layer.modules():
            module.training = False
        with torch.no_grad():
            after = layer(x)
        assert not torch.allclose(after, before)
        torch.testing.assert_close(after, effective(layer, x))

    def test_new_after_writing_past_the_versions(self) -> None:
        layer = self.warmed()
        layer.forget_if_written_to()
        assert self.kept(layer)
        layer.terms["part"].generator.weight_bases.data.neg_()
        layer.forget_if_written_to()
        self.check(layer)

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
        context = layer.terms["part"].context
        if assign:
            context.weight = nn.Parameter(torch.randn(4, 2))
        else:
            with torch.no_grad():
                context.weight.add_(1)
        self.check(layer)

    @pytest.mark.parametrize("name", ["weight", "bias"])
    def test_new_after_what_is_shared_changed(self, name: str) -> None:
        layer = self.warmed()
        with torch.no_grad():
            getattr(layer, name).add_(1)
        self.check(layer)

    def test_new_after_a_change_of_precision(self) -> None:
        layer = self.warmed()
        layer.double()
        assert not layer._kept  # a later change may bring another storage to the old address
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
        assert layer.terms["part"].context.weight.grad is not None

    def test_parameters_made_under_inference_mode(self) -> None:
        with torch.inference_mode():
            layer = copy.deepcopy(make()).eval()
            torch.testing.assert_close(layer(self.x), effective(layer, self.x))

    @pytest.mark.parametrize("how", ["deepcopy", "pickle"])
    def test_copies_work_and_are_independent(self, how: str) -> None:
        layer = self.warmed()
        duplicate = copy.deepcopy(layer) if how == "deepcopy" else pickle.loads(pickle.dumps(layer))
        assert not duplicate._kept
        before = effective(layer, self.x).detach()
        with torch.no_grad():
            duplicate.terms["part"].context.weight.add_(1)
        self.check(duplicate)
        with torch.no_grad():
            torch.testing.assert_close(layer(self.x), before)

    def test_does_not_enter_the_state_dict(self) -> None:
        assert self.warmed().state_dict().keys() == make().state_dict().keys()

    def test_each_kind_of_pass_keeps_its_own(self) -> None:
        """A pass over segments and one without them have weights of their own."""
        layer = self.warmed()
        with torch.no_grad():
            torch.testing.assert_close(layer(self.x[None])[0], layer(self.x))
        assert self.kept(layer)


def test_fold_holds_the_generated_weights() -> None:
    layer = make(hidden=(6,)).eval()
    folded = layer.fold()
    assert type(folded) is ChannelLinear
    assert not folded.training
    weight, bias = layer.generate()
    assert torch.equal(folded.weight, weight)
    assert torch.equal(folded.bias, bias)
    assert folded.weight.requires_grad
