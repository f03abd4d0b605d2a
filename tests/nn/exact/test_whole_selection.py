"""Selection from end to end, against windows that are written out."""

from dataclasses import replace

import pytest
from made_collections import held_out, made_collection, made_problem
from naive_selection import NaiveSelection

from hyperforecast.nn.exact import solve_exact


@pytest.mark.parametrize("seed", range(20))
def test_is_that_of_forecasts_made_one_by_one(seed: int) -> None:
    """With one to three series; future covariates, which couple the steps, are left out."""
    problem = made_problem(seed)
    collection = [replace(one, future=None) for one in made_collection(seed, 1 + seed % 3)]
    training, validation = held_out(problem, collection)
    compared = solve_exact(problem, training, validation).compared
    naive = NaiveSelection(problem, training, validation)
    expected = naive.select()
    selected = [entry for entry in compared if entry.chosen][-1]
    assert replace(selected.setting, ridge=0.0) == replace(expected.setting, ridge=0.0)
    # where the valley of the error is flat a walk may end at either of its ridges
    assert selected.setting == expected.setting or selected.validation_mse == pytest.approx(
        expected.mse, rel=1e-4
    )
    for entry in compared:
        assert entry.validation_mse == pytest.approx(naive.fit(entry.setting).mse, rel=1e-8)
