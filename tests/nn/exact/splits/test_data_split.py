"""The regressions on a split, and the errors of their weights."""

import pytest
import torch
from made_series import H, L, clustered, noise
from naive_windows import designs

from hyperforecast.nn.exact import (
    BasisWeights,
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
)
from hyperforecast.nn.exact.regressions import generated_regression
from hyperforecast.nn.exact.splits import data_split
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.series.correlation import correlation_embedding


@pytest.mark.parametrize("max_direct", [10**6, 0])
@pytest.mark.parametrize(("dim", "individual"), [(0, False), (2, False), (8, True)])
def test_error_is_that_of_the_forecasts(
    dim: int, individual: bool, max_direct: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any weights: from sums over channels, or where those are too many from the channels."""
    monkeypatch.setattr(generated_regression, "MAX_DIRECT", max_direct)
    problem = Problem(L, H, search=SearchSpace(embedding_dims=(0, 2, 8)))
    series = [clustered(60), clustered(40, seed=5)]
    split = DataSplit(problem, series, ExactOptions(), None, "training")
    setting = Setting("last", dim, individual, 0)
    mixing = split.mixing(setting)
    weights = BasisWeights(noise(mixing.shape[1], H, L + 1), noise(mixing.shape[1], 0))
    standardised = [split.units.standardise(one) for one in series]
    x, y, _ = designs(standardised, WindowLayout(L, H, norm="last"))
    residuals = y - torch.einsum("tcp,chp->tch", x, weights.of_channels(mixing)[0])
    expected = residuals.square().mean().item()
    assert split.error(setting, weights) == pytest.approx(expected, rel=1e-10)


def test_embedding_and_factors_come_from_the_training_series() -> None:
    search = SearchSpace(embedding_dims=(0, 2), n_factors=(0, 1))
    problem, options = Problem(L, H, search=search), ExactOptions()
    training = DataSplit(problem, [clustered()], options, None, "training")
    expected = correlation_embedding([clustered().target], 2)
    torch.testing.assert_close(training.vectors("correlation"), expected)
    validation = DataSplit(problem, [clustered(seed=7)], options, None, "validation", training)
    assert validation.vectors is training.vectors
    assert validation.loadings is training.loadings


class TestRounding:
    def split(self) -> DataSplit:
        line = torch.arange(60.0, dtype=torch.float64)[:, None]
        return DataSplit(Problem(L, H), [ObservedSeries(line)], ExactOptions(), None, "training")

    def test_an_error_is_no_less_than_rounding(self) -> None:
        """A straight line is forecast without error: what is left is rounding, not a gain."""
        split, setting = self.split(), Setting("none", 0, False, 0)
        weights = BasisWeights(noise(1, H, L + 1) * 0, noise(1, 0))
        step = (split.series[0].target[1] - split.series[0].target[0]).item()
        for h in range(H):
            weights.weight[0, h, L - 1], weights.weight[0, h, L] = 1.0, (h + 1) * step
        assert 1e-16 < split.error(setting, weights) < 1e-13

    @pytest.mark.parametrize("error", [-1.0, float("nan"), float("inf")])
    def test_what_no_mean_square_can_be_is_an_error_beyond_all(
        self, error: float, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(data_split, "pairs_squared_error", lambda *_: error)
        weights = BasisWeights(noise(1, H, L + 1), noise(1, 0))
        assert self.split().error(Setting("none", 0, False, 0), weights) == float("inf")
