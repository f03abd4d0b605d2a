"""Contexts made up for tests."""

from torch import Tensor

from hyperforecast.nn import Condition, Context


class WindowMean(Context):
    """A vector for each window: the first values of the mean over its channels."""

    axis = "window"

    def forward(self, condition: Condition | None = None) -> Tensor:
        assert condition is not None
        return condition.window.mean(dim=1)[:, :2]
