"""Forms of a head: their vectors, what they start from, and moments of what that misses."""

import pytest
import torch

from hyperforecast.nn.exact import Moments
from hyperforecast.nn.solved_head import forms as module
from hyperforecast.nn.solved_head.feature_rows import FeatureRows
from hyperforecast.nn.solved_head.forms import head_forms, trained_form
from hyperforecast.nn.solved_head.output_layers import OutputLayers
from tests.nn.solved_head.made import arguments, network_of

N = 6


def layers_of(parts, **others) -> OutputLayers:
    return OutputLayers(network_of({**arguments("rmlp", parts, **others), "n_channels": N}))


def dims(layers: OutputLayers, requested: int | None = None) -> list[tuple[int, bool]]:
    forms = head_forms(layers, requested, torch.device("cpu"))
    return [(form.embedding_dim, form.individual) for form in forms]


def test_lengths_up_to_that_of_the_network_are_compared_and_one_head_each() -> None:
    trained = layers_of({"hn-mvts": {"channel_embedding_dim": 3}})
    assert dims(trained) == [(0, False), (2, False), (3, False), (6, True)]
    assert dims(trained, requested=3) == [(0, False), (3, False)]
    assert dims(layers_of({"hn-mvts": {"channel_embedding_dim": 0}}), requested=0) == [(0, False)]
    each = layers_of({"hn-mvts": {"channel_embedding_dim": 6}})
    assert dims(each, requested=6) == [(0, False), (6, True)]


def test_others_have_one_form() -> None:
    assert dims(layers_of({})) == [(0, False)]
    assert dims(layers_of({"individual": {}})) == [(6, True)]
    assert dims(layers_of({"dynamic": {}})) == [(0, False)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, (0, False)),
        ({"individual": {}}, (6, True)),
        ({"hn-mvts": {"channel_embedding_dim": 0}}, (0, False)),
        ({"hn-mvts": {"channel_embedding_dim": 3}}, (3, False)),
        ({"hn-mvts": {"channel_embedding_dim": 6}}, (6, True)),
    ],
)
def test_the_form_of_a_head_is_one_of_them(parts, expected) -> None:
    form = trained_form(layers_of(parts), torch.device("cpu"))
    assert (form.embedding_dim, form.individual) == expected
    assert form.departure is None


def test_equations_that_cannot_be_factorised_change_what_all_share(monkeypatch) -> None:
    monkeypatch.setattr(module, "is_direct", lambda size: size <= 10)
    layers = layers_of({"hn-mvts": {"channel_embedding_dim": 3}})
    forms = head_forms(layers, None, torch.device("cpu"))
    assert [(form.embedding_dim, form.mixing.shape[1]) for form in forms] == [
        (0, 1),
        (3, 1),
        (6, 6),
    ]
    assert forms[1].start is None


def heads(mixing, weights) -> torch.Tensor:
    """Weights and future coefficients of every channel, (C, ...)."""
    weight, future = weights.of_channels(mixing)
    return torch.cat([weight.flatten(1), future], dim=1)


def test_shorter_vectors_lose_least_of_the_trained_heads() -> None:
    """What two vectors leave is what two singular values leave of the centred heads."""
    layers = layers_of({"hn-mvts": {"channel_embedding_dim": 4}})
    embedding, weights = layers.generated()
    trained = heads(torch.cat([torch.ones(N, 1).double(), embedding], dim=1), weights)
    zero, two, *_ = head_forms(layers, None, torch.device("cpu"))
    torch.testing.assert_close(heads(zero.mixing, zero.start)[0], trained.mean(dim=0))
    values = torch.linalg.svdvals(trained - trained.mean(dim=0))
    lost = (trained - heads(two.mixing, two.start)).square().sum()
    torch.testing.assert_close(lost, values[2:].square().sum())
    assert two.mixing[:, 1].square().mean() == pytest.approx(1.0)


def test_one_head_each_starts_from_the_trained_ones() -> None:
    layers = layers_of({"hn-mvts": {"channel_embedding_dim": 2}})
    embedding, weights = layers.generated()
    trained = heads(torch.cat([torch.ones(N, 1).double(), embedding], dim=1), weights)
    each = head_forms(layers, None, torch.device("cpu"))[-1]
    assert each.departure is None
    torch.testing.assert_close(heads(each.mixing, each.start), trained)


def test_moments_are_shifted_as_rows_are() -> None:
    """Moments of what the start misses are those of rows from which it was subtracted."""
    sizes = {"n_past_covariates": 1, "n_future_covariates": 2}
    layers = layers_of({"hn-mvts": {"channel_embedding_dim": 3}}, **sizes)
    form = head_forms(layers, None, torch.device("cpu"))[1]
    embedding, weights = layers.generated()
    before, trained_future = weights.of_channels(
        torch.cat([torch.ones(N, 1).double(), embedding], dim=1)
    )
    after, future = form.start.of_channels(form.mixing)
    p, n_steps = layers.regressors.total, layers.n_steps
    x, y = torch.randn(N, 9, p).double(), torch.randn(N, 9, n_steps).double()
    f = torch.randn(N, 9, n_steps, 2).double()
    missed = y - torch.einsum("ctp,chp->cth", x, after - before)
    missed = missed - torch.einsum("cthf,cf->cth", f, future - trained_future)
    some = slice(1, 4)
    shifted = form.shifted(some, Moments.of_rows(x, y, f).channels(some))
    expected = Moments.of_rows(x, missed, f).channels(some)
    for name in ("xx", "xy", "yy", "xf", "ff", "fy"):
        torch.testing.assert_close(getattr(shifted, name), getattr(expected, name))
    nothing = type(form.start)(torch.zeros(3, n_steps, p).double(), torch.zeros(3, 2).double())
    torch.testing.assert_close(form.missed(FeatureRows(x, y, f), nothing), missed)
