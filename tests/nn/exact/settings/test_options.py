"""Options of the solver."""

import pytest
from made_series import H, L, alike

from hyperforecast.nn.exact import ExactOptions, Problem, solve_exact
from hyperforecast.nn.exact.settings.options import RIDGES


class TestOptions:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"ridge": 0.0}, "ridge must be positive; got 0.0"),
            ({"validation_size": 1.0}, "between 0 and 1; got 1.0"),
            ({"embedding_steps": -1}, "embedding_steps must be >= 0; got -1"),
            ({"factor_lookback": 0}, "factor_lookback must be >= 1; got 0"),
            ({"choose_every": 0}, "choose_every must be a number of fits, >= 1; got 0"),
            ({"max_memory_gb": 0}, "max_memory_gb must be positive; got 0"),
        ],
    )
    def test_errors_say_what_was_expected(self, options: dict, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            ExactOptions(**options)

    def test_validation_size_decides_what_is_held_out(self) -> None:
        series, problem = alike(n_rows=200), Problem(L, H)
        small = solve_exact(problem, [series], options=ExactOptions(validation_size=0.1))
        large = solve_exact(problem, [series], options=ExactOptions(validation_size=0.5))
        assert small.compared[0].validation_mse != large.compared[0].validation_mse

    def test_ridges_are_half_decades(self) -> None:
        assert RIDGES[0] == pytest.approx(1e-5)
        assert RIDGES[-1] == pytest.approx(1000)
