"""Values are of their declared types and ranges, or the message says of which."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pytest
from torch import nn

from hyperforecast.nn.option_values import Range, check_values, problem_of
from tests.case_names import case_name

RIGHT = [
    (int, 3),
    (int, np.int64(3)),
    (float, 3),
    (float, 2.5),
    (float, np.float32(2.5)),
    (float, 10**400),
    (bool, True),
    (str, "x"),
    (int | None, None),
    (int | None, 3),
    (Any, object()),
    ("int", object()),  # an annotation that nothing has evaluated
    (Literal["a", "b"], "b"),
    (Literal["a"] | None, None),
    (dict[str, Any], {}),
    (dict[str, Any] | bool, False),
    (Sequence[int], [1, 2]),
    (Sequence[int], ()),
    (Sequence[int], np.array([1, 2])),
    (Sequence[str] | None, ("a",)),
    (Sequence[Any], ["a", 1]),
    (type, nn.Linear),
    (type | None, lambda: None),
    (Callable[..., Any], nn.MSELoss()),
    (nn.Module, nn.MSELoss()),
]
WRONG = [
    (int, 1.5, "a whole number"),
    (int, 1.0, "a whole number"),
    (int, True, "a whole number"),
    (int, "3", "a whole number"),
    (int, [3], "a whole number"),
    (int, None, "a whole number"),
    (int | None, "3", "a whole number"),
    (float, float("nan"), "a finite number"),
    (float, float("inf"), "a finite number"),
    (float, True, "a finite number"),
    (float, "2.5", "a finite number"),
    (float, 1j, "a finite number"),
    (bool, 1, "True or False"),
    (bool, "yes", "True or False"),
    (str, 3, "a string"),
    (str, ["x"], "a string"),
    (Literal["a", "b"], 3, "'a' or 'b'"),
    (Literal["a", "b"], ["a"], "'a' or 'b'"),
    (Literal["a"] | None, "b", "'a' or None"),
    (dict[str, Any], [1], "a dict"),
    (dict[str, Any] | bool, 3, "a dict or True or False"),
    (Sequence[int], [1, 2.5], "a sequence of whole numbers"),
    (Sequence[int], 1, "a sequence of whole numbers"),
    (Sequence[str], "abc", "a sequence of strings"),
    (Sequence[float], {0.1, 0.5}, "a sequence of finite numbers"),
    (Sequence[float], [0.1, np.nan], "a sequence of finite numbers"),
    (type | None, "adam", "a class"),
    (Callable[..., Any], "mse", "a function"),
    (nn.Module, 3, "a Module"),
    (int | nn.Module, "3", "a whole number or a Module"),
]


@pytest.mark.parametrize(("annotation", "value"), RIGHT, ids=case_name)
def test_right_values(annotation: Any, value: Any) -> None:
    assert problem_of("option", value, annotation) is None


@pytest.mark.parametrize(("annotation", "value", "expected"), WRONG, ids=case_name)
def test_wrong_values(annotation: Any, value: Any, expected: str) -> None:
    assert problem_of("option", value, annotation) == f"option must be {expected}; got {value!r}."


@pytest.mark.parametrize(
    ("among", "right", "wrong", "said"),
    [
        (Range(least=1), [1, 7], [0, -3], "a whole number >= 1"),
        (Range(above=0), [1], [0], "a whole number > 0"),
        (Range(above=0, below=5), [1, 4], [0, 5], "a whole number > 0 and < 5"),
        (Range(least=0, most=5), [0, 5], [-1, 6], "a whole number >= 0 and <= 5"),
    ],
)
def test_ranges(among: Range, right: list, wrong: list, said: str) -> None:
    for value in right:
        assert problem_of("size", value, int, among) is None
        assert problem_of("sizes", [value], Sequence[int] | None, among) is None
    for value in wrong:
        assert problem_of("size", value, int, among) == f"size must be {said}; got {value}."
        plural = said.replace("a whole number", "a sequence of whole numbers")
        message = f"sizes must be {plural}; got [{value}]."
        assert problem_of("sizes", [value], Sequence[int] | None, among) == message


def test_units_are_said() -> None:
    message = "length must be a whole number of steps >= 1; got 0."
    assert problem_of("length", 0, int, Range(least=1), "of steps") == message


def test_near_matches_of_choices_are_said() -> None:
    assert problem_of("variant", "lite", Literal["light", "full"] | None) == (
        "Unknown variant 'lite'. Did you mean 'light'? Expected one of: 'light', 'full', or None."
    )


def test_long_values_are_cut() -> None:
    message = problem_of("name", np.zeros((100, 100)), str)
    assert message is not None
    assert len(message) < 120
    assert "..." in message


def test_all_values_of_a_signature_are_checked() -> None:
    declared = {"width": int, "rate": float}
    check_values({"width": 3, "rate": 0.1, "other": object()}, declared)
    with pytest.raises(ValueError, match="2 arguments are wrong") as caught:
        check_values({"width": "3", "rate": None}, declared)
    assert re.search("width must be .*\n- rate must be", str(caught.value))
