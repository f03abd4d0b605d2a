"""The correlation structure of a series' channels, against numpy."""

import numpy as np
import pytest
import torch

from hyperforecast.nn import correlation_embedding
from hyperforecast.nn.series.correlation import of_each, without_mean


def by_numpy(series: list[np.ndarray], dim: int) -> np.ndarray:
    """The definition: eigenvectors of the correlation matrix, scaled; zero where undefined."""
    stacked = np.concatenate([s - s.mean(axis=0) for s in series])
    norms = np.sqrt((stacked**2).sum(axis=0))
    standard = np.divide(stacked, norms, out=np.zeros_like(stacked), where=norms > 1e-8)
    eigenvalues, vectors = np.linalg.eigh(standard.T @ standard)
    order = np.argsort(-eigenvalues)[:dim]
    embedding = vectors[:, order] * np.sqrt(np.maximum(eigenvalues[order], 0))
    return embedding * np.sign(embedding[np.abs(embedding).argmax(axis=0), range(dim)])


def random_series(rows: int, channels: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    return torch.randn(rows, channels, generator=generator, dtype=torch.float64) @ mixing + 5


def test_three_channels_by_hand() -> None:
    # b = -2 a + 1 is a's mirror image; c is uncorrelated with both. The eigenvalues are 2, 1, 0.
    a = torch.tensor([1.0, -1.0, 1.0, -1.0])
    c = torch.tensor([1.0, 1.0, -1.0, -1.0])
    series = torch.stack([a, -2 * a + 1, 3 * c + 7], dim=1)

    embedding = correlation_embedding([series], 3)

    mirror = embedding[:, 0].abs()
    torch.testing.assert_close(mirror, torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))
    assert embedding[0, 0] == pytest.approx(-embedding[1, 0])
    expected = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(embedding[:, 1], expected)
    torch.testing.assert_close(embedding[:, 2], torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("dim", [0, 1, 4, 6])
@pytest.mark.parametrize("rows", [[200], [30, 70, 100]])
def test_equals_eigh_of_the_correlation_matrix(dim: int, rows: list[int]) -> None:
    series = [random_series(n, 6, seed=i) + 100 * i for i, n in enumerate(rows)]
    expected = by_numpy([s.numpy() for s in series], dim)
    np.testing.assert_allclose(correlation_embedding(series, dim).numpy(), expected, atol=1e-10)


def test_full_embedding_reproduces_the_correlation() -> None:
    series = random_series(50, 5)
    embedding = correlation_embedding([series], 5)
    np.testing.assert_allclose(
        (embedding @ embedding.T).numpy(), np.corrcoef(series.numpy().T), atol=1e-12
    )


@pytest.mark.parametrize("rows", [[8], [5, 6]])
def test_more_channels_than_rows_equals_the_big_matrix(rows: list[int]) -> None:
    series = [random_series(n, 40, seed=i) for i, n in enumerate(rows)]
    dim = sum(rows) - len(rows)  # the rank of the correlation matrix
    found = correlation_embedding(series, dim)
    np.testing.assert_allclose(found, by_numpy([s.numpy() for s in series], dim), atol=1e-10)


def test_columns_beyond_the_rank_are_zero() -> None:
    embedding = correlation_embedding([random_series(4, 12)], 12)
    assert embedding.shape == (12, 12)
    assert (embedding[:, 3:] == 0).all()
    assert (embedding[:, :3].abs().amax(dim=0) > 0.1).all()


def test_of_channels_given_twice_nothing_but_rounding_is_beyond_the_rank() -> None:
    series = random_series(200, 3)[:, [0, 1, 2, 0, 1, 2]]
    embedding = correlation_embedding([series], 6)
    assert (embedding[:, :3].norm(dim=0) > 0.1).all()
    assert (embedding[:, 3:] == 0).all()


@pytest.mark.parametrize("rows", [30, 3])
@pytest.mark.parametrize("level", [0.0, 7.3, 1e6, 0.1])
def test_constant_channels_are_zero_and_do_not_disturb_the_others(rows: int, level: float) -> None:
    series = random_series(rows, 4)
    with_constant = torch.cat([series, torch.full((rows, 1), level, dtype=torch.float64)], dim=1)
    embedding = correlation_embedding([with_constant], 2)
    assert (embedding[4] == 0).all()
    torch.testing.assert_close(embedding[:4], correlation_embedding([series], 2))


def test_all_constant_is_all_zero() -> None:
    assert (correlation_embedding([torch.ones(10, 3)], 2) == 0).all()


def test_levels_that_differ_between_series_are_no_correlation() -> None:
    series = [random_series(40, 3), random_series(40, 3, seed=1)]
    moved = [series[0], series[1] + torch.tensor([10.0, 20.0, 30.0])]
    torch.testing.assert_close(correlation_embedding(moved, 3), correlation_embedding(series, 3))


def test_scale_of_a_channel_does_not_matter() -> None:
    series = random_series(40, 3)
    scaled = series * torch.tensor([1.0, 1000.0, 1e-3])
    torch.testing.assert_close(
        correlation_embedding([scaled], 3), correlation_embedding([series], 3)
    )


@pytest.mark.parametrize("rows", [60, 4])
def test_sign_is_determined(rows: int) -> None:
    series = random_series(rows, 6)
    embedding = correlation_embedding([series], 3)
    largest = embedding.gather(0, embedding.abs().argmax(dim=0, keepdim=True))
    assert (largest > 0).all()
    torch.testing.assert_close(correlation_embedding([-series], 3), embedding)


def test_float32_data_is_treated_in_float64() -> None:
    series = random_series(100, 4).float()
    embedding = correlation_embedding([series], 4)
    assert embedding.dtype == torch.float64
    expected = by_numpy([series.double().numpy()], 4)
    np.testing.assert_allclose(embedding.numpy(), expected, atol=1e-12)


def test_rows_that_are_missing_count_for_nothing() -> None:
    series = torch.as_tensor(np.random.default_rng(0).normal(size=(60, 4)))
    holey = torch.full((90, 4), torch.nan, dtype=torch.float64)
    holey[torch.arange(90) % 3 != 1] = series
    expected = correlation_embedding([series], 3)
    torch.testing.assert_close(correlation_embedding([holey], 3), expected)


def test_series_of_one_length_are_centred_together_as_they_are_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    series = [
        torch.randn(n, 2, generator=generator, dtype=torch.float64) + i
        for i, n in enumerate([5, 9, 5, 7, 9])
    ]
    series[2][1, 0] = torch.nan
    together = of_each(without_mean, series)
    for found, one in zip(together, series, strict=True):
        torch.testing.assert_close(found, without_mean(one))
