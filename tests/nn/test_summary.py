"""What a network is made of, counted by hand."""

from typing import Any

import pytest

from hyperforecast.nn import ForecastingNetwork, count_parameters
from hyperforecast.nn.summary import TermSummary, summarise

L, H, C, D = 10, 4, 5, 6


def make(parts: dict[str, Any], backbone: str = "nlinear", **kwargs: Any) -> ForecastingNetwork:
    return ForecastingNetwork(
        lookback=L, horizon=H, n_channels=C, parts=parts, backbone=backbone, **kwargs
    )


def test_a_plain_network_has_one_row() -> None:
    n = L * H + H
    assert summarise(make({})) == [TermSummary("network", "", "", "", "", 0, 0, 0, n, n)]


def test_hn_mvts_by_hand() -> None:
    head, network = summarise(make({"hn-mvts": {"channel_embedding_dim": 2}}))
    plain = L * H + H
    assert head == TermSummary(
        site="head",
        part="hn-mvts",
        context="ChannelEmbedding",
        along="channel",
        generator="DenseGenerator",
        context_parameters=2 * C,
        generator_parameters=2 * plain,
        generated_weights=C * plain,
        plain_parameters=plain,
        folded_parameters=C * plain,
    )
    assert network == head._replace(site="network", part="", context="", along="", generator="")


def test_low_rank_shows_what_it_saves() -> None:
    def of_generator(**options: Any) -> int:
        part = {"channel_embedding_dim": 2, **options}
        return summarise(make({"hn-mvts": part}))[0].generator_parameters

    assert of_generator(rank=1) == 2 * (L + H + H) + L
    assert of_generator(rank=1) < of_generator(rank=2) < of_generator()


def test_weights_of_a_window_are_counted_for_one_and_do_not_fold() -> None:
    rows = summarise(make({"dynamic": {"rank": 2, "summary_dim": 3}}, n_past_covariates=1))
    assert [row.site for row in rows] == ["head", "past_covariate_map", "network"]
    summary = (L * 3 + 3) + 5 * 3 + (3 * 3 + 3)
    assert [row.context_parameters for row in rows] == [summary] * 3  # one serves all
    assert [row.generated_weights for row in rows] == [L * H + H, L * H, 2 * L * H + H]
    assert [row.folded_parameters for row in rows] == [None] * 3


@pytest.mark.parametrize("backbone", ["rmlp", "patchtst"])
def test_parameters_add_up(backbone: str) -> None:
    parts = {"light-sae": {"rank": 2}, "film": {}, "individual": {}, "mola": {"rank": 1}}
    network = make(parts, backbone)
    *rows, whole = summarise(network)
    assert {row.part for row in rows} == {"light-sae", "film", "mola"}  # "individual" adds no term
    parameters = whole.context_parameters + whole.generator_parameters + whole.plain_parameters
    assert parameters == count_parameters(network)
    assert whole.folded_parameters == count_parameters(network.fold())
    assert sum(row.generator_parameters for row in rows) == whole.generator_parameters
