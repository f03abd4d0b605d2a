"""Where things lie in a window."""

from collections.abc import Callable

import pytest

from hyperforecast.nn.exact import ObservedSeries, WindowLayout, window_moments


def test_no_window_is_an_error(make_series: Callable[..., ObservedSeries]) -> None:
    with pytest.raises(ValueError, match=r"spans 10 rows; the series has 9"):
        window_moments([make_series(9)], WindowLayout(7, 3))
