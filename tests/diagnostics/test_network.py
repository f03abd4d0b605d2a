"""What is no trained model of either host."""

import re

import pytest

from hyperforecast.darts import LightSAEModel
from hyperforecast.diagnostics import channel_gates


def test_other_objects() -> None:
    with pytest.raises(TypeError, match=re.escape("Expected a trained model of hyperforecast.")):
        channel_gates("model")


def test_an_untrained_model() -> None:
    with pytest.raises(ValueError, match=re.escape("call `fit()` first")):
        channel_gates(LightSAEModel(6, 2))
