"""The sktime forecasters: quantiles and intervals."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models import torch as darts_likelihoods
from scipy import stats

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster
from hyperforecast.sktime import likelihoods as module
from hyperforecast.sktime.likelihoods import LIKELIHOODS, point, quantiles

L, H = 12, 4
ALPHAS = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]


def make(cls: type = HNMVTSForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 2, "random_state": 0, **kwargs})


class TestQuantilesOfDistributions:
    """Against scipy, for hand-made parameters."""

    P = np.array([[1.0, 2.0], [-3.0, 0.5]])

    @pytest.mark.parametrize(
        ("name", "distribution"),
        [
            ("gaussian", stats.norm),
            ("laplace", stats.laplace),
            ("cauchy", stats.cauchy),
            ("gumbel", stats.gumbel_r),
        ],
    )
    def test_closed_form(self, name: str, distribution: Any) -> None:
        expected = [distribution.ppf(ALPHAS, loc, scale) for loc, scale in self.P]
        np.testing.assert_allclose(
            quantiles(LIKELIHOODS[name](), self.P, ALPHAS, seed=0), expected, rtol=1e-6
        )

    def test_samples(self) -> None:
        rate = np.array([[100.0], [400.0]])
        found = quantiles(LIKELIHOODS["poisson"](), rate, ALPHAS, seed=0)
        expected = stats.poisson.ppf([ALPHAS], rate)
        np.testing.assert_allclose(found, expected, atol=4)
        assert (np.diff(found) >= 0).all()
        state = torch.get_rng_state()
        again = quantiles(LIKELIHOODS["poisson"](), rate, ALPHAS, seed=0)
        np.testing.assert_array_equal(found, again)
        assert torch.equal(torch.get_rng_state(), state)

    def test_crossing_quantiles_are_sorted_and_interpolated(self) -> None:
        likelihood = darts_likelihoods.QuantileRegression([0.1, 0.5, 0.9])
        predicted = np.array([5.0, 1.0, 3.0])
        found = quantiles(likelihood, predicted, [0.1, 0.3, 0.5, 0.6, 0.9], seed=0)
        # 1 and 5 are 1.28155 deviations from 3, and 0.3 and 0.6 are 0.52440 and 0.25335
        expected = [1.0, 3 - 2 * 0.52440 / 1.28155, 3.0, 3 + 2 * 0.25335 / 1.28155, 5.0]
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    @pytest.mark.parametrize("levels", [[0.05, 0.5, 0.95], [0.1, 0.2, 0.5, 0.8, 0.9]])
    def test_quantiles_in_between_are_exact_of_a_normal_distribution(self, levels: list) -> None:
        likelihood = darts_likelihoods.QuantileRegression(levels)
        learned = stats.norm.ppf([levels], [[-3.0], [50.0]], [[0.5], [20.0]])
        alphas = [0.1, 0.25, 0.4, 0.5, 0.75, 0.9]
        found = quantiles(likelihood, learned, alphas, seed=0)
        expected = stats.norm.ppf([alphas], [[-3.0], [50.0]], [[0.5], [20.0]])
        np.testing.assert_allclose(found, expected, rtol=1e-9)

    @pytest.mark.parametrize(
        ("name", "parameters", "expected"),
        [
            ("gaussian", [2.0, 9.0], 2.0),
            ("poisson", [0.2], 0.2),
            ("exponential", [4.0], 0.25),
            ("cauchy", [7.0, 2.0], 7.0),
        ],
    )
    def test_point_is_the_mean(self, name: str, parameters: list, expected: float) -> None:
        found = point(LIKELIHOODS[name](), np.array(parameters))
        np.testing.assert_allclose(found, [expected], rtol=1e-6)


class TestForecaster:
    @pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])
    @pytest.mark.parametrize(
        "kind", [{"likelihood": "gaussian"}, {"quantiles": (0.05, 0.2, 0.5, 0.8, 0.95)}]
    )
    @pytest.mark.parametrize("fh", [[1, 3], [1, 3, 2 * H + 1]])
    def test_monotone(self, cls: type, kind: dict, fh: list, panel: pd.DataFrame) -> None:
        forecaster = make(cls, output_chunk_length=H, **kind).fit(panel)
        found = forecaster.predict_quantiles(fh=fh, alpha=ALPHAS)
        assert list(found.columns) == [(c, a) for c in panel.columns for a in ALPHAS]
        for channel in panel.columns:
            assert (np.diff(found[channel]) >= 0).all()
            assert (found[channel][0.95] > found[channel][0.05]).all()

    def test_quantiles_of_the_predicted_gaussian(self, panel: pd.DataFrame) -> None:
        forecaster = make(likelihood="gaussian", scaler=None).fit(panel, fh=[1, 2, 3, 4])
        parameters = forecaster.model_.predict(
            4, series=TimeSeries.from_dataframe(panel), predict_likelihood_parameters=True
        ).to_dataframe()
        found = forecaster.predict_quantiles(alpha=[0.2, 0.9])
        for channel in panel.columns:
            mu, sigma = parameters[f"{channel}_mu"], parameters[f"{channel}_sigma"]
            for alpha in (0.2, 0.9):
                expected = stats.norm.ppf(alpha, mu, sigma)
                np.testing.assert_allclose(found[channel][alpha], expected, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(forecaster.predict()[channel], mu, rtol=1e-5, atol=1e-6)

    def test_quantiles_are_scaled_back(self, panel: pd.DataFrame) -> None:
        one = make(likelihood="laplace").fit(panel, fh=[1]).predict_quantiles(alpha=[0.1, 0.8])
        other = make(likelihood="laplace").fit(panel * 50 - 7, fh=[1])
        np.testing.assert_allclose(
            (other.predict_quantiles(alpha=[0.1, 0.8]) + 7) / 50, one, atol=1e-3
        )

    def test_interval_is_a_pair_of_quantiles(self, panel: pd.DataFrame) -> None:
        forecaster = make(likelihood="gaussian").fit(panel, fh=[1, 2])
        interval = forecaster.predict_interval(coverage=[0.9, 0.5])
        found = forecaster.predict_quantiles(alpha=[0.05, 0.95, 0.25, 0.75])
        assert list(interval["b"].columns) == [
            (c, side) for c in (0.9, 0.5) for side in ("lower", "upper")
        ]
        np.testing.assert_array_equal(interval, found)

    def test_labels_after_an_update_in_another_order(self, panel: pd.DataFrame) -> None:
        """sktime remembers the column order of the last rows that it saw."""
        forecaster = make(likelihood="gaussian").fit(panel.iloc[:-1], fh=[1])
        forecaster.update(panel.iloc[-1:][["c", "a", "b"]], update_params=False)
        interval = forecaster.predict_interval(coverage=[0.5])
        middle = interval.T.groupby(level=0).mean().T
        np.testing.assert_allclose(
            middle[["a", "b", "c"]], forecaster.predict()[["a", "b", "c"]], rtol=1e-4
        )

    def test_quantiles_cover(self, make_panel: Any) -> None:
        """Of a Gaussian around a constant, the learned 10 % and 90 % quantiles are close."""
        random = np.random.default_rng(0)
        y = pd.DataFrame({"a": 5 + 2 * random.normal(size=1500)})
        forecaster = make(
            BackboneForecaster,
            quantiles=(0.1, 0.5, 0.9),
            n_epochs=15,
            optimizer_kwargs={"lr": 3e-3},
        ).fit(y, fh=[1])
        found = forecaster.predict_interval(coverage=[0.8])["a"][0.8].iloc[0]
        np.testing.assert_allclose(found, stats.norm.ppf([0.1, 0.9], 5, 2), atol=0.7)

    def test_samples_beyond_the_chunk_are_the_same_each_time(self, panel: pd.DataFrame) -> None:
        forecaster = make(output_chunk_length=2, likelihood="gaussian").fit(panel)
        one = forecaster.predict_quantiles(fh=range(1, 7), alpha=[0.1, 0.9])
        make().fit(panel, fh=[1]).predict()
        other = forecaster.predict_quantiles(fh=range(1, 7), alpha=[0.1, 0.9])
        pd.testing.assert_frame_equal(one, other)
        within = forecaster.predict_quantiles(fh=[1, 2], alpha=[0.1, 0.9])
        pd.testing.assert_frame_equal(one.iloc[:2], within, check_freq=False)

    def test_likelihood_object(self, panel: pd.DataFrame) -> None:
        likelihood = darts_likelihoods.GaussianLikelihood(beta_nll=0.5)
        forecaster = make(likelihood=likelihood).fit(panel, fh=[1])
        assert forecaster.model_.likelihood == likelihood
        clone = forecaster.clone().fit(panel, fh=[1])
        pd.testing.assert_frame_equal(clone.predict_interval(), forecaster.predict_interval())

    @pytest.mark.parametrize("name", module.LIKELIHOODS)
    def test_every_likelihood(self, name: str, panel: pd.DataFrame) -> None:
        """On values that lie in every support."""
        if name in ("poisson", "negativebinomial", "bernoulli", "geometric"):
            y = (panel > panel.median()).astype(float)
        else:
            y = 0.05 + 0.9 * (panel - panel.min()) / (panel.max() - panel.min())
        free = name in ("gaussian", "laplace", "cauchy", "gumbel")
        forecaster = make(likelihood=name, scaler="standard" if free else None).fit(y, fh=[1, 2])
        found = forecaster.predict_quantiles(alpha=[0.1, 0.5, 0.9])
        assert np.isfinite(found.to_numpy()).all()
        assert np.isfinite(forecaster.predict().to_numpy()).all()

    def test_tag_says_whether_intervals_are_there(self) -> None:
        assert not make().get_tag("capability:pred_int")
        assert make(likelihood="gaussian").get_tag("capability:pred_int")
        assert make(quantiles=(0.1, 0.5, 0.9)).get_tag("capability:pred_int")
        assert make().set_params(likelihood="gaussian").get_tag("capability:pred_int")


class TestVarianceAndDistribution:
    LEVELS = (0.05, 0.5, 0.95)

    @pytest.fixture
    def standard_normal(self, panel: pd.DataFrame) -> Any:
        """A forecaster whose quantiles are those of N(0, 1)."""
        forecaster = make(BackboneForecaster, quantiles=self.LEVELS, scaler=None, solver="adam")
        forecaster.fit(panel, fh=[1, 2])
        with torch.no_grad():
            for parameter in forecaster.model_.network.parameters():
                parameter.zero_()
            levels = torch.as_tensor(stats.norm.ppf(self.LEVELS))
            forecaster.model_.network.head.bias.copy_(levels.repeat(2))
        return forecaster

    def test_variance_of_a_normal_one(self, standard_normal: Any) -> None:
        np.testing.assert_allclose(standard_normal.predict_var(), 1, rtol=1e-5)

    def test_half_of_it_is_in_the_middle(self, standard_normal: Any) -> None:
        found = standard_normal.predict_interval(coverage=0.5).to_numpy()
        covered = np.diff(stats.norm.cdf(found.reshape(-1, 2)))
        np.testing.assert_allclose(covered, 0.5, atol=1e-5)

    def test_gaussian_variance(self, panel: pd.DataFrame) -> None:
        forecaster = make(likelihood="gaussian").fit(panel, fh=[1, 2])
        upper = forecaster.predict_quantiles(alpha=[stats.norm.cdf(1)])
        deviation = upper.to_numpy() - forecaster.predict().to_numpy()
        np.testing.assert_allclose(forecaster.predict_var(), deviation**2, rtol=1e-4)

    def test_distribution(self, standard_normal: Any) -> None:
        """Of all levels the quantiles of `predict_quantiles`, and tails as a normal one's."""
        pytest.importorskip("skpro")
        distribution = standard_normal.predict_proba()
        alphas = [0.05, 0.1625, 0.5, 0.8375, 0.95]
        found = distribution.quantile(alphas)
        expected = standard_normal.predict_quantiles(alpha=alphas)
        np.testing.assert_allclose(found, expected, atol=0.01)
        np.testing.assert_allclose(distribution.var(), 1, rtol=0.02)
        assert list(distribution.columns) == list(standard_normal.channels_)

    def test_lines_go_on_beyond_the_outermost(self) -> None:
        learned = stats.norm.ppf([self.LEVELS], 3, 2)
        found = module.on_normal_scale(learned, self.LEVELS, [0.001, 0.3, 0.999])
        np.testing.assert_allclose(found, [stats.norm.ppf([0.001, 0.3, 0.999], 3, 2)])
        alone = module.on_normal_scale(np.array([4.0]), [0.5], [0.1, 0.5])
        np.testing.assert_array_equal(alone, [4.0, 4.0])


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [((0.1, 0.5, 0.8), r"beside 0\.1 there is no 0\.9"), ((0.1, 0.9), "the median, 0.5, is not")],
)
def test_quantiles_that_are_no_pairs(
    wrong: tuple, problem: str, panel: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    """One error says so, and nothing is written beside it."""
    with pytest.raises(ValueError, match=problem):
        BackboneForecaster(8, quantiles=wrong).fit(panel, fh=[1])
    assert not caplog.records
    BackboneForecaster(8, quantiles=(0.9, 0.5, 0.1)).fit(panel, fh=[1])
