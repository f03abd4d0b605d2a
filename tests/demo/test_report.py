"""What the demo says of its results."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hyperforecast.automatic.names import ONE_FOR_ALL
from hyperforecast.demo.errors import Entry
from hyperforecast.demo.models import HN
from hyperforecast.demo.report import choice, table, table_of_kinds


def entry(name: str, host: str, *errors: float) -> Entry:
    mse = pd.Series(errors, index=list("abc")[: len(errors)])
    return Entry(name, host, [], 1.0, mae=0.5, mse=mse)


def test_table_gives_ratios_within_a_host() -> None:
    entries = [
        entry(ONE_FOR_ALL, "sktime", 1.0, 3.0),
        entry(HN, "sktime", 0.5, 1.5),
        entry(ONE_FOR_ALL, "Darts", 4.0),
        entry(HN, "Darts", 1.0),
    ]
    rows = [line.split() for line in table(entries).splitlines()[2:] if line]
    assert [row[-2] for row in rows] == ["1.00", "0.50", "1.00", "0.25"]


def test_table_of_kinds_stars_the_lowest() -> None:
    kinds = pd.Series({"a": "wind", "b": "rain", "c": "wind"})
    entries = [entry(ONE_FOR_ALL, "Darts", 1.0, 2.0, 2.0), entry(HN, "Darts", 2.0, 1.0, 2.0)]
    lines = [line.split() for line in table_of_kinds(entries, kinds).splitlines()[2:]]
    assert lines == [
        ["wind", "(2)", "1.5000*", "2.0000"],
        ["rain", "(1)", "2.0000", "1.0000*"],
    ]


@pytest.mark.parametrize(
    ("individual", "length", "n_factors", "more", "said"),
    [
        (False, 8, 5, {}, "E = 8, norm last, 5 factors"),
        (False, 0, 0, {"neighbour_lags": 2}, "E = 0, norm last, last 2 of all channels"),
        (True, 3, 0, {}, "free heads, norm last"),
        (
            True,
            8,
            0,
            {"shared_ridge": 0.1, "share": 0.5},
            "heads drawn to E = 8, norm last, and 1 more",
        ),
    ],
)
def test_what_was_chosen(
    individual: bool, length: int, n_factors: int, more: dict[str, float], said: str
) -> None:
    report = pd.DataFrame(
        {
            "instance_norm": ["none", "mean", "last"],
            "channel_embedding_dim": [0, 2, length],
            "individual": [False, False, individual],
            "n_factors": [0, 0, n_factors],
            "neighbour_lags": [0, 0, more.get("neighbour_lags", 0)],
            "shared_ridge": [np.nan, np.nan, more.get("shared_ridge", np.nan)],
            "share": [0.0, 1.0 - more.get("share", 1.0), more.get("share", 1.0)],
            "chosen": [False, True, True],
        }
    )
    model = SimpleNamespace(solver_report=report)
    assert choice(model) == said
    assert choice(SimpleNamespace(model_=model)) == said
    board = pd.DataFrame({"candidate": ["generated", "last value"], "chosen": [True, False]})
    automatic = SimpleNamespace(solver_report=report, leaderboard=lambda: board)
    assert choice(automatic) == f"generated, {said}"


def test_nothing_was_chosen() -> None:
    assert choice(None) == ""
    board = pd.DataFrame({"candidate": ["drift"], "chosen": [True]})
    naive = SimpleNamespace(solver_report=pd.DataFrame(), leaderboard=lambda: board)
    assert choice(naive) == "drift"
    assert choice(SimpleNamespace(solver_report=pd.DataFrame())) == ""
