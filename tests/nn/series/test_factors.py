"""Common factors, against principal components of scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.series.factors import CommonFactors, factor_loadings


def correlated(n_rows: int = 200, n_channels: int = 5, seed: int = 0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    sources = random.normal(size=(n_rows, 3)) * [3.0, 2.0, 1.0]
    values = sources @ random.normal(size=(3, n_channels))
    values += 0.3 * random.normal(size=values.shape)
    return torch.as_tensor(values * np.arange(1, n_channels + 1) + 10)


class TestFactorLoadings:
    @pytest.mark.parametrize("n_factors", [1, 3, 5])
    def test_equal_principal_components_up_to_sign(self, n_factors: int) -> None:
        x = correlated()
        standardised = StandardScaler().fit_transform(x.numpy())
        expected = PCA(n_factors, whiten=True).fit_transform(standardised)
        expected *= np.sqrt(len(x) / (len(x) - 1))  # unit population variance
        found = (x - x.mean(dim=0)) @ factor_loadings([x], n_factors)
        signs = np.sign((found.numpy() * expected).sum(axis=0))
        np.testing.assert_allclose(found.numpy(), expected * signs, rtol=1e-6, atol=1e-8)

    def test_factors_have_unit_variance_and_are_uncorrelated(self) -> None:
        x = correlated()
        factors = (x - x.mean(dim=0)) @ factor_loadings([x], 4)
        covariance = factors.T @ factors / len(x)
        torch.testing.assert_close(covariance, torch.eye(4, dtype=torch.float64))

    def test_of_several_series_are_those_of_their_deviations(self) -> None:
        """Series at levels of their own: what counts is how each moves about its own mean."""
        parts = [correlated(80, seed=1), correlated(120, seed=2) + 1000]
        together = torch.cat([part - part.mean(dim=0) for part in parts])
        torch.testing.assert_close(factor_loadings(parts, 3), factor_loadings([together], 3))

    def test_a_constant_channel_enters_none(self) -> None:
        x = correlated()
        with_constant = torch.cat([x[:, :2], torch.full((200, 1), 0.1).double(), x[:, 2:]], dim=1)
        found = factor_loadings([with_constant], 3)
        assert (found[2] == 0).all()
        torch.testing.assert_close(found[[0, 1, 3, 4, 5]], factor_loadings([x], 3))

    def test_factors_that_the_series_do_not_have_are_zero(self) -> None:
        source = correlated(n_channels=1)
        found = factor_loadings([source * torch.tensor([1.0, 2.0, -3.0])], 3)
        assert found[:, 0].abs().min() > 0
        torch.testing.assert_close(found[:, 1:], torch.zeros_like(found[:, 1:]))

    def test_all_constant(self) -> None:
        assert (factor_loadings([torch.ones(20, 3)], 2) == 0).all()

    def test_more_channels_than_rows(self) -> None:
        x = correlated(10, 30)
        found = factor_loadings([x], 4)
        factors = (x - x.mean(dim=0)) @ found
        covariance = factors.T @ factors / len(x)
        torch.testing.assert_close(covariance, torch.eye(4, dtype=torch.float64))

    def test_none(self) -> None:
        assert factor_loadings([correlated()], 0).shape == (5, 0)


class TestCommonFactors:
    def test_are_the_last_steps_factor_by_factor(self) -> None:
        factors = CommonFactors(2, 2, lookback=3)
        factors.loadings.copy_(torch.tensor([[1.0, 0.0], [10.0, 1.0]]))
        x = torch.tensor([[[9.0, 1.0, 2.0, 3.0], [9.0, 4.0, 5.0, 6.0]]])  # (B, C, L)
        expected = torch.tensor([[[41.0, 52.0, 63.0, 4.0, 5.0, 6.0]]])
        torch.testing.assert_close(factors(x), expected)
        assert factors.n_features == 6

    def test_single_channels_stand_behind_them_at_steps_of_their_own(self) -> None:
        factors = CommonFactors(3, 1, lookback=3, n_neighbours=2, neighbour_steps=2)
        factors.set_factors(torch.tensor([[1.0], [10.0], [0.0]]))
        x = torch.tensor([[[9.0, 1.0, 2.0, 3.0], [9.0, 4.0, 5.0, 6.0], [9.0, 7.0, 8.0, 9.0]]])
        expected = torch.tensor([[[41.0, 52.0, 63.0, 2.0, 3.0, 5.0, 6.0]]])
        torch.testing.assert_close(factors(x), expected)
        assert factors.n_features == 7
        factors.start_from([correlated()[:, :3]])
        assert factors.loadings[:, 1:].tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]

    def test_start_from_data_and_are_not_trained(self) -> None:
        factors = CommonFactors(5, 2, lookback=3)
        assert (factors.loadings == 0).all()
        factors.start_from([correlated()])
        torch.testing.assert_close(factors.loadings, factor_loadings([correlated()], 2).float())
        assert list(factors.parameters()) == []
        assert list(factors.state_dict()) == ["loadings"]

    @pytest.mark.parametrize("n_factors", [-1, 0, 3])
    def test_number_is_checked(self, n_factors: int) -> None:
        with pytest.raises(ValueError, match=rf"number of channels, 2; got {n_factors}"):
            CommonFactors(2, n_factors, 3)


class TestInANetwork:
    @pytest.mark.parametrize("parts", [{}, {"hn-mvts": {}}])
    def test_start_without_effect_and_with_a_gradient(self, parts: dict) -> None:
        def make(n_factors: int) -> ForecastingNetwork:
            torch.manual_seed(0)
            network = ForecastingNetwork(
                lookback=6, horizon=2, n_channels=5, parts=parts, n_factors=n_factors
            )
            network.start_from([correlated()])
            return network

        network, x = make(2), torch.randn(3, 6, 5)
        torch.testing.assert_close(network(x), make(0)(x))
        network(x).square().mean().backward()
        assert any(p.grad is not None and p.grad.any() for p in network.factor_map.parameters())

    def test_see_all_channels(self) -> None:
        """Another channel's past changes a forecast through the factors alone."""
        network = ForecastingNetwork(lookback=6, horizon=2, n_channels=5, n_factors=1)
        network.start_from([correlated()])
        x = torch.randn(1, 6, 5)
        moved = x.clone()
        moved[:, -1, 4] += 1.0
        torch.testing.assert_close(network(moved)[..., :4, :], network(x)[..., :4, :])
        torch.nn.init.ones_(network.factor_map.weight)
        change = (network(moved) - network(x))[..., :4, :]
        loading = network.factors.loadings[4, 0]
        torch.testing.assert_close(change, loading.expand_as(change), rtol=1e-4, atol=1e-5)


def test_rows_that_are_missing_count_for_nothing() -> None:
    series = correlated()
    holey = torch.full((300, 5), torch.nan, dtype=torch.float64)
    holey[torch.arange(300) % 3 != 1] = series
    torch.testing.assert_close(factor_loadings([holey], 3), factor_loadings([series], 3))
