import re

import pytest
import torch

from hyperforecast.nn.one_shot import SearchSpace
from hyperforecast.nn.one_shot.search_space import steps_up


def test_members_are_all_combinations_the_last_option_first() -> None:
    space = SearchSpace("tsmixer", {"e_layers": [2, 1], "d_ff": [4, 8]}, {"dropout": 0.0})
    assert space.members == [
        {"e_layers": 2, "d_ff": 4},
        {"e_layers": 2, "d_ff": 8},
        {"e_layers": 1, "d_ff": 4},
        {"e_layers": 1, "d_ff": 8},
    ]
    assert space.options(1) == {"dropout": 0.0, "e_layers": 2, "d_ff": 8}


def test_a_number_is_coded_by_how_many_values_are_smaller() -> None:
    space = SearchSpace("tsmixer", {"d_ff": [16, 4, 8]})
    expected = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    assert torch.equal(space.codes(), expected)
    assert steps_up(2, 4) == [1.0, 1.0, -1.0]
    assert steps_up(0, 1) == []


def test_what_is_no_number_has_an_entry_of_its_own() -> None:
    space = SearchSpace("moderntcn", {"stride": [None, 2], "d_model": [4, 8]})
    assert space.codes().tolist() == [
        [1.0, -1.0, -1.0],
        [1.0, -1.0, 1.0],
        [-1.0, 1.0, -1.0],
        [-1.0, 1.0, 1.0],
    ]


@pytest.mark.parametrize(
    ("backbone", "values", "fixed", "message"),
    [
        ("rlinear", {"d_ff": [1, 2]}, {}, "backbone of a search space 'rlinear'"),
        ("tsmixer", {}, {}, "must have at least two architectures to compare; got {}"),
        ("tsmixer", {"d_ff": [8]}, {}, "at least two architectures"),
        ("tsmixer", {"d_ff": []}, {}, "search_space['d_ff'] must have values that differ"),
        ("tsmixer", {"d_ff": [8, 8]}, {}, "values that differ, and at least one; got [8, 8]"),
        ("tsmixer", {"d_ff": 8}, {}, "search_space['d_ff'] must be a list of values"),
        ("tsmixer", {"d_ff": "8"}, {}, "must be a list of values to compare; got '8'"),
        ("tsmixer", {"depth": [1, 2]}, {}, "has no option 'depth' in backbone_kwargs"),
        ("tsmixer", {"d_ff": [8, "16"]}, {}, "d_ff must be a whole number; got '16'"),
        ("tsmixer", {"d_ff": [8, 16]}, {"d_ff": 4}, "'d_ff' is both in search_space and"),
    ],
)
def test_what_is_wrong_is_said(backbone: str, values: dict, fixed: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        SearchSpace(backbone, values, fixed)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValueError, match="2 arguments are wrong"):
        SearchSpace("tsmixer", {"d_ff": [], "depth": [1, 2]})
