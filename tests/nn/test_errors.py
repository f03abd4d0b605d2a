import pickle
import re
from typing import Any

import pytest

from hyperforecast.nn.errors import (
    Problems,
    WrongArguments,
    check_sizes,
    check_whole_number,
    other_names,
    raise_all,
    unknown_name,
)


def test_near_matches_are_named() -> None:
    assert unknown_name("backbone", "D-Linear", ["dlinear", "nlinear", "rmlp"]) == (
        "Unknown backbone 'D-Linear'. Did you mean 'dlinear' or 'nlinear'? "
        "Expected one of: 'dlinear', 'nlinear', 'rmlp'."
    )


def test_nothing_near() -> None:
    assert unknown_name("method", 7, ["plain"]) == "Unknown method 7. Expected one of: 'plain'."


@pytest.mark.parametrize("value", [0, True, 1.0, "1", None])
def test_whole_numbers(value: Any) -> None:
    message = f"steps must be a whole number of rows >= 1; got {value!r}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_whole_number("steps", value, least=1, unit=" of rows")


def test_whole_numbers_of_other_libraries() -> None:
    import numpy as np

    check_whole_number("steps", np.int64(3), least=3)
    with pytest.raises(ValueError, match="steps must be a whole number >= 3"):
        check_whole_number("steps", np.int64(2), least=3)


def test_all_sizes_that_are_wrong_are_named() -> None:
    check_sizes(width=3, depth=1)
    with pytest.raises(ValueError, match=r"^depth must be a whole number >= 1; got 0\.$"):
        check_sizes(width=3, depth=0)
    with pytest.raises(ValueError, match=r"(?s)^2 arguments are wrong:\n- width .*\n- depth "):
        check_sizes(width="3", depth=0)


def test_problems_are_raised_at_once() -> None:
    problems = Problems()
    raise_all(problems)
    assert problems.check(check_sizes, width=3)
    assert not problems.check(check_sizes, width=0, depth=-1)
    assert not problems.check(check_whole_number, "steps", -1)
    assert len(problems) == 3  # no message inside another
    with pytest.raises(ValueError, match="3 arguments are wrong") as caught:
        raise_all(problems)
    assert str(caught.value) == (
        "3 arguments are wrong:\n"
        "- width must be a whole number >= 1; got 0.\n"
        "- depth must be a whole number >= 1; got -1.\n"
        "- steps must be a whole number >= 0; got -1."
    )


def test_a_single_problem_is_the_message() -> None:
    with pytest.raises(ValueError, match=r"^too wide$"):
        raise_all(["too wide"])


def test_other_errors_pass() -> None:
    with pytest.raises(TypeError):
        Problems().check(int, [])


def test_worker_processes_can_return_the_error() -> None:
    copied = pickle.loads(pickle.dumps(WrongArguments(["one", "two"])))
    assert copied.problems == ["one", "two"]
    assert str(copied) == "2 arguments are wrong:\n- one\n- two"


def test_long_lists_of_channels_are_cut() -> None:
    message = other_names("channels", "model", [f"m{i}" for i in range(12)], ["x"])
    assert "'m9' and 2 more; new: 'x'" in message


def test_long_lists_of_problems_are_cut() -> None:
    error = WrongArguments([f"series[{i}] is wrong" for i in range(12)])
    assert str(error).splitlines()[0] == "12 arguments are wrong:"
    assert str(error).splitlines()[-2:] == ["- series[9] is wrong", "- and 2 more"]
    assert len(error.problems) == 12
