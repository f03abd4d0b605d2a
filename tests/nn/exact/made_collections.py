"""Problems and collections of series with random sizes, wishes and covariates."""

import torch
from made_series import autoregressive, noise

from hyperforecast.nn.exact import ObservedSeries, Problem, SearchSpace

KINDS = ("past", "future", "static")


def made_problem(seed: int, n_channels: int = 6) -> Problem:
    """A problem with random sizes and wishes."""
    random = torch.Generator().manual_seed(seed)

    def draw(*values: object) -> object:
        return values[int(torch.randint(len(values), (1,), generator=random))]

    search = SearchSpace(
        norms=draw(("none", "last", "mean"), ("last", "none"), ("revin", "last")),
        embedding_dims=draw((0, 2), (0, 2, 4, n_channels), (0,)),
        n_factors=draw((0,), (0, 1), (0, 1, 2)),
        embedding_dim_requested=draw(False, True),
    )
    return Problem(draw(4, 7, 10), draw(1, 2, 5), draw(0, 2), search)


def made_collection(seed: int, n_series: int, n_channels: int = 6) -> list[ObservedSeries]:
    """Series of unequal lengths, channels in two groups on different levels, any covariates."""
    random = torch.Generator().manual_seed(1000 + seed)
    kinds = [k for k in KINDS if torch.rand(1, generator=random) < 0.4]
    static = torch.randn(n_channels, 2, generator=random, dtype=torch.float64)
    lags = torch.tensor([[0.8], [-0.6]]).repeat(n_channels // 2, 1)
    collection = []
    for k in range(n_series):
        n_rows = int(torch.randint(60, 140, (1,), generator=random))
        own = autoregressive(lags, n_rows, seed=seed + 31 * k)
        common = autoregressive(torch.tensor([[0.9]]), n_rows, seed=seed + 57 * k + 1)
        target = own + common * torch.linspace(0.2, 1.0, n_channels, dtype=torch.float64) + 3.0
        collection.append(
            ObservedSeries(
                target,
                noise(n_rows, 1, seed=seed + k) if "past" in kinds else None,
                noise(n_rows, 2, seed=seed + k + 2) if "future" in kinds else None,
                static if "static" in kinds else None,
            )
        )
    return collection


def held_out(problem: Problem, collection: list[ObservedSeries]) -> tuple[list, list]:
    """Training and validation rows of each series."""
    cuts = [int(0.7 * len(one.target)) for one in collection]
    pairs = list(zip(collection, cuts, strict=True))
    training = [one.rows(0, cut) for one, cut in pairs]
    return training, [one.rows(cut - problem.lookback, len(one.target)) for one, cut in pairs]
