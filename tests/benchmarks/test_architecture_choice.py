"""The table of the one-shot choice, of made rows."""

import json

import pytest

from benchmarks.architecture_choice import spearman, table


def test_rank_correlation_is_that_of_ranks() -> None:
    assert spearman([1.0, 5.0, 9.0], [0.1, 0.2, 30.0]) == pytest.approx(1.0)
    assert spearman([1.0, 2.0, 3.0], [2.0, 1.0, 3.0]) == pytest.approx(0.5)


def test_a_row_says_how_well_and_how_fast_architectures_are_ranked() -> None:
    errors = {"a": (0.4, 0.5), "b": (0.2, 0.2), "c": (0.3, 0.4)}
    case = {"family": "made", "data": "up"}
    trained = [
        {**case, "options": name, "seed": seed, "validation_mse": error, "parameters": size}
        | {"seconds": 10.0}
        for size, (name, own) in enumerate(errors.items())
        for seed, error in enumerate(own)
    ]
    losses = [[0.9, 0.1, 0.5], [0.9, 0.5, 0.1]]
    one_shot = [
        {**case, "hidden": "linear", "seed": seed, "seconds": 3.0, "losses": json.dumps(one)}
        for seed, one in enumerate(losses)
    ]
    (row,) = table(trained, one_shot).to_dict("records")
    assert row["one-shot with trained"] == "1.00 0.50"
    assert row["mean"] == pytest.approx(0.75)
    assert row["two seeds of trained"] == pytest.approx(1.0)
    assert row["chosen above best"] == pytest.approx((0.2 + 0.35) / 2 / 0.2 - 1)
    assert row["time"] == pytest.approx(0.1)
