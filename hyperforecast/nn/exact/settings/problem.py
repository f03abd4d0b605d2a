"""What is to be forecast from what."""

from dataclasses import dataclass, field

from torch import Tensor

from hyperforecast.nn.exact.settings.search_space import SearchSpace


@dataclass(frozen=True)
class Problem:
    """What is to be forecast from what, and which settings are compared for it.

    Attributes
    ----------
    lookback, horizon, shift : int
        L, H and the number of steps between them.
    search : SearchSpace
    quantiles : tuple of float
        Levels of the residual quantiles wanted.
    n_channels : int, optional
        Number of channels, where each has windows of its own: series then hold some of them.
    rows : Tensor, shape (n_channels,), int64, optional
        Whose weights each channel has, where several share theirs; its own if not given. What is
        said of channels elsewhere is said of these, but for units and quantiles.
    centred : bool
        Whether the residuals' median counts as zero, so that the middle forecast is that of least
        squares.
    attributes : Tensor, shape (C, S), optional
        What is known of channels that have windows of their own, in linearly independent columns:
        weights may depend on it.
    """

    lookback: int
    horizon: int
    shift: int = 0
    search: SearchSpace = field(default_factory=SearchSpace)
    quantiles: tuple[float, ...] = ()
    n_channels: int | None = None
    rows: Tensor | None = field(default=None, compare=False)
    centred: bool = False
    attributes: Tensor | None = field(default=None, compare=False)

    @property
    def n_rows(self) -> int | None:
        """Number of what has weights, where channels have windows of their own."""
        return self.n_channels if self.rows is None else int(self.rows.max()) + 1

    @property
    def width(self) -> int:
        """Number of rows that a window spans."""
        return self.lookback + self.shift + self.horizon
