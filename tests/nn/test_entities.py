"""Windows of several series in a batch, against a network for each series."""

from typing import Any

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.entities import by_window, picked_rows, side_by_side

B, L, H, C, S = 7, 16, 4, 2, 3

PARTS: dict[str, dict[str, dict[str, Any]]] = {
    "hn-mvts": {"hn-mvts": {"channel_embedding_dim": 2}},
    "individual": {"individual": {}},
    "light-sae": {"light-sae": {"rank": 2}},
    "sae-full": {"light-sae": {"variant": "full"}},
    "film": {"film": {"channel_embedding_dim": 2}},
    "segments": {"hn-mvts": {"channel_embedding_dim": 2}, "mola": {"n_segments": 2}},
    "all": {
        "light-sae": {"rank": 2},
        "film": {"channel_embedding_dim": 2},
        "individual": {},
        "mola": {"n_segments": 2},
    },
}


def build(parts: str, **changed: Any) -> ForecastingNetwork:
    torch.manual_seed(0)
    arguments: dict[str, Any] = {
        "lookback": L,
        "horizon": H,
        "n_channels": C,
        "parts": PARTS[parts],
        "backbone": "rmlp",
        "n_past_covariates": 1,
        "n_future_covariates": 1,
        "n_static_covariates": 1,
        "standardised": True,
    }
    network = ForecastingNetwork(**(arguments | changed))
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) + 0.1)
    return network


def inputs() -> dict[str, Tensor]:
    torch.manual_seed(1)
    return {
        "past_target": torch.randn(B, L, C),
        "past_covariates": torch.randn(B, L, 1),
        "future_covariates": torch.randn(B, H, 1),
        "static_covariates": torch.randn(B, C, 1),
    }


def of_series(network: ForecastingNetwork, parts: str, number: int) -> ForecastingNetwork:
    """Return a network of channels with the rows of one series."""
    alone = build(parts)
    state = network.state_dict()
    for name, value in alone.state_dict().items():
        theirs = state[name]
        if theirs.shape == value.shape:
            value.copy_(theirs)
        elif len(theirs) == S * C:
            value.copy_(theirs[number * C : (number + 1) * C])
        else:
            assert len(theirs) == S
            value.copy_(theirs[number].expand_as(value))
    return alone


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("weights_by", ["series", "both"])
def test_each_window_is_forecast_by_the_weights_of_its_series(parts: str, weights_by: str) -> None:
    network = build(parts, weights_by=weights_by, n_series=S)
    given, series = inputs(), torch.tensor([0, 2, 1, 1, 0, 2, 2])
    expected = torch.empty(B, H, C, 1)
    for number in range(S):
        some = series == number
        alone = of_series(network, parts, number).eval()
        with torch.no_grad():
            expected[some] = alone(**{name: value[some] for name, value in given.items()})
    close = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(network.train()(**given, series=series), expected, **close)
    with torch.no_grad():
        torch.testing.assert_close(network.eval()(**given, series=series), expected, **close)
    folded = network.fold()
    torch.testing.assert_close(folded(**given, series=series), expected, **close)


@pytest.mark.parametrize("parts", PARTS)
def test_rows_that_no_window_has_get_no_gradient(parts: str) -> None:
    network = build(parts, weights_by="both", n_series=S)
    network(**inputs(), series=torch.ones(B, dtype=torch.int64)).square().sum().backward()
    tables = [p for name, p in network.named_parameters() if len(p) == S * C and "terms" in name]
    tables += [network.head.weight] if parts == "individual" else []
    assert tables
    for table in tables:
        assert table.grad is not None
        assert (table.grad[[0, 1, 4, 5]] == 0).all()
        assert (table.grad[2:4] != 0).any()


def test_vectors_start_from_each_series_own_past() -> None:
    network = build("hn-mvts", weights_by="series", n_series=S)
    steps = torch.arange(200, dtype=torch.float64)
    tables = [torch.stack([torch.sin(steps / p)] * C, dim=1) for p in (1.0, 3.0, 1.0)]
    network.start_from(
        [tables[0][:90], tables[1], tables[2][:140], tables[0]], numbers=[0, 1, 2, 0]
    )
    vectors = network.channel_embedding()
    assert vectors is not None
    assert len(vectors) == S
    apart = torch.cdist(vectors, vectors)
    assert apart[0, 2] < 0.2 * apart[0, 1]


def test_rows_are_those_of_series_or_of_their_channels() -> None:
    series = torch.tensor([2, 0])
    assert picked_rows("series", series, 3).tolist() == [[2, 2, 2], [0, 0, 0]]
    assert picked_rows("both", series, 3).tolist() == [[6, 7, 8], [0, 1, 2]]


def test_channels_of_windows_go_side_by_side_and_back() -> None:
    x = torch.randn(2, B, C, 5)
    beside = side_by_side(x, C, 1)
    assert beside.shape == (2, 1, B * C, 5)
    assert torch.equal(beside[:, 0, 3 * C + 1], x[:, 3, 1])
    assert torch.equal(by_window(beside, C, 1), x)
    assert torch.equal(side_by_side(x[:, :, :1], C, 1)[0, 0, :C], x[0, 0, :1].expand(C, 5))


def test_an_unknown_word_is_refused() -> None:
    with pytest.raises(ValueError, match="weights_by"):
        build("hn-mvts", weights_by="shop")
