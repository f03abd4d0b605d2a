"""One-shot choice of an architecture with the Darts models."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries
from darts.models import NaiveSeasonal
from darts.utils.likelihood_models.torch import QuantileRegression

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperModel,
    HyperTCNModel,
    choose_architecture,
)

SPACE = {"e_layers": [1, 2], "d_ff": [2, 4]}
LAG = 8


def with_lag() -> TimeSeries:
    """Noise that repeats what was LAG steps ago: whoever does not see that knows nothing."""
    random = np.random.default_rng(0)
    values = random.normal(size=(700, 2))
    for row in range(LAG, len(values)):
        values[row] = 0.95 * values[row - LAG] + 0.3 * values[row]
    return TimeSeries.from_values(values.astype(np.float32))


@pytest.fixture
def series() -> TimeSeries:
    return with_lag()[:200]


def mixer(**arguments: Any) -> BackboneModel:
    return BackboneModel(
        **{
            "input_chunk_length": 12,
            "output_chunk_length": 3,
            "backbone": "tsmixer",
            "random_state": 0,
            **arguments,
        }
    )


@pytest.mark.parametrize(
    ("make", "lr", "space"),
    [
        (BackboneModel, 1e-2, {"kernel_size": [2, 3], "e_layers": [1, 3]}),
        (HyperTCNModel, 3e-3, {"kernel_size": [3], "e_layers": [1, 3]}),
    ],
)
def test_architectures_that_do_not_see_the_lag_are_last(make: Any, lr: float, space: Any) -> None:
    values = with_lag()
    given = {"d_model": 8, "dropout": 0.0}
    model = make(
        16,
        1,
        backbone="tcn",
        instance_norm="none",
        random_state=0,
        optimizer_kwargs={"lr": lr},
        backbone_kwargs=given,
    )
    choice = choose_architecture(model, space, values[:550], values[550:], n_epochs=16)
    # the last step sees 1 + 2 (k - 1) (2^n - 1) steps: at most 5, or at least 15
    seeing = choice.ranking["e_layers"] == 3
    assert seeing.is_monotonic_decreasing
    losses = choice.ranking["val_loss"]
    assert losses[seeing].max() < 0.7 * losses[~seeing].min()
    assert choice.best == {**given, **choice.ranking.iloc[0][list(space)]}


def test_a_ranking_is_the_same_each_time_and_leaves_all_as_it_was(series: TimeSeries) -> None:
    model = mixer()
    before = dict(model.model_params)
    rankings = []
    for _ in range(2):
        state = torch.random.get_rng_state()
        choice = choose_architecture(model, SPACE, series[:150], series[150:], n_epochs=2)
        assert torch.equal(state, torch.random.get_rng_state())
        rankings.append(choice.ranking)
        torch.rand(3)
    assert rankings[0].equals(rankings[1])
    assert model.model is None
    assert model.model_params == before
    other = choose_architecture(
        mixer(random_state=1), SPACE, series[:150], series[150:], n_epochs=2
    )
    assert not other.ranking.equals(rankings[0])


def test_a_ranking_has_a_row_for_each_architecture_the_best_first(series: TimeSeries) -> None:
    choice = choose_architecture(mixer(), SPACE, series[:150], series[150:], n_epochs=1)
    table = choice.ranking
    assert list(table.columns) == ["e_layers", "d_ff", "val_loss", "parameters"]
    assert sorted(table.index) == [0, 1, 2, 3]
    assert table["val_loss"].is_monotonic_increasing
    best = mixer(backbone_kwargs=choice.best, n_epochs=1).fit(series)
    assert sum(p.numel() for p in best.network.parameters()) == table["parameters"].iloc[0]


def test_covariates_likelihoods_and_several_series(series: TimeSeries) -> None:
    ahead = TimeSeries.from_values(np.random.default_rng(1).normal(size=(220, 2)).astype("float32"))
    model = mixer(likelihood=QuantileRegression([0.1, 0.5, 0.9]), periods=[8])
    arguments = {"past_covariates": ahead, "future_covariates": ahead}
    choice = choose_architecture(
        model,
        SPACE,
        [series[:150]] * 2,
        [series[150:]] * 2,
        **{name: [one] * 2 for name, one in arguments.items()},
        **{f"val_{name}": [one] * 2 for name, one in arguments.items()},
        n_epochs=1,
        stride=3,
    )
    assert np.isfinite(choice.ranking["val_loss"]).all()


def test_a_free_model_with_generated_kernels_is_one_too(series: TimeSeries) -> None:
    model = HyperModel(12, 3, backbone="tcn", convolution="hyper-kernels", random_state=0)
    space = {"d_model": [2, 4]}
    choice = choose_architecture(model, space, series[:150], series[150:], n_epochs=1)
    assert len(choice.ranking) == 2


@pytest.mark.parametrize(
    ("model", "space", "n_epochs", "message"),
    [
        (mixer, {}, 1, "at least two architectures"),
        (mixer, {"d_fff": [1, 2]}, 1, "has no option 'd_fff'"),
        (mixer, SPACE, 0, "n_epochs must be a whole number >= 1; got 0"),
        (lambda: mixer(backbone_kwargs={"d_ff": 2}), SPACE, 1, "'d_ff' is both in search_space"),
        (lambda: mixer(backbone="rlinear"), SPACE, 1, "Expected one of: 'tsmixer', 'moderntcn'"),
        (
            lambda: HNMVTSModel(12, 3, backbone="tsmixer"),
            SPACE,
            1,
            "the model has 'hn-mvts'. Choose it with a BackboneModel",
        ),
        (
            lambda: mixer(backbone="moderntcn", backbone_kwargs={"small_size": 3}),
            {"large_size": [3, 4]},
            1,
            "an architecture that cannot be made, {'small_size': 3, 'large_size': 4}",
        ),
    ],
)
def test_what_is_wrong_is_said(
    series: TimeSeries, model: Any, space: dict, n_epochs: int, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        choose_architecture(model(), space, series[:150], series[150:], n_epochs=n_epochs)


def test_the_hypernetwork_may_be_deeper_or_none(series: TimeSeries) -> None:
    losses = []
    for hidden in ((), (4,), None):
        choice = choose_architecture(
            mixer(), SPACE, series[:150], series[150:], n_epochs=1, hyper_hidden=hidden
        )
        losses.append(tuple(choice.ranking["val_loss"]))
    assert len(set(losses)) == 3
    message = "hyper_hidden must be a sequence of whole numbers >= 1; got (0,)"
    with pytest.raises(ValueError, match=re.escape(message)):
        choose_architecture(mixer(), SPACE, series[:150], series[150:], hyper_hidden=(0,))


def test_what_says_otherwise_how_to_train_and_compare_is_refused(series: TimeSeries) -> None:
    with pytest.raises(ValueError, match="epochs would have no effect"):
        choose_architecture(mixer(), SPACE, series[:150], series[150:], epochs=3)
    with pytest.raises(ValueError, match="compared on val_series, and it is None"):
        choose_architecture(mixer(), SPACE, series[:150], None)


def test_other_models_are_refused(series: TimeSeries) -> None:
    with pytest.raises(TypeError, match=r"a Darts model of this package.*got NaiveSeasonal"):
        choose_architecture(NaiveSeasonal(), SPACE, series[:150], series[150:])
