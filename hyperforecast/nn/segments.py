"""A horizon cut into segments, each forecast with weights of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor
from torch.nn import functional

from hyperforecast.nn.errors import check_sizes


class Segments:
    """A horizon of H steps, cut into S segments of equal length T.

    A network shares one of these with its layers. It tells them what a pass computes, so that
    all segments, or those that are asked for, go through the network side by side: activations
    have the segments on a leading axis, which is of length 1 up to the first layer whose weights
    differ between segments.

    Parameters
    ----------
    horizon : int
        Number of forecast steps H.
    n_segments : int, optional
        Number of segments S.
    segment_length : int, optional
        Steps T of a segment. With neither, there are 8 segments, or fewer where the horizon does
        not cut into as many.

    Attributes
    ----------
    count, length : int
        S and T. Where S·T is more than H, the last segment reaches beyond the horizon, and the
        steps beyond are dropped.
    n_active : int
        Number of leading segments that a pass computes.
    adapted : bool
        Whether a pass uses the weights of each segment, or the shared ones alone.
    """

    default_count = 8

    def __init__(
        self, horizon: int, n_segments: int | None = None, segment_length: int | None = None
    ) -> None:
        given = {"n_segments": n_segments, "segment_length": segment_length}
        check_sizes(**{name: size for name, size in given.items() if size is not None})
        if n_segments is not None and segment_length is not None:
            raise ValueError(
                f"n_segments={n_segments} and segment_length={segment_length} say the same thing "
                "twice. Give one of them."
            )
        longest = segment_length if segment_length is not None else n_segments
        if longest is not None and longest > horizon:
            name = "segment_length" if segment_length is not None else "n_segments"
            raise ValueError(
                f"{name} must be at most the horizon, {horizon} steps; got {longest}. Choose "
                f"{name} <= {horizon}."
            )
        if segment_length is None:
            segment_length = -(-horizon // (n_segments or self.default_count))
        self.horizon = horizon
        self.length = segment_length
        self.count = -(-horizon // segment_length)
        if n_segments is not None and self.count != n_segments:
            raise ValueError(
                f"{horizon} steps cannot be cut into n_segments={n_segments} segments of equal "
                f"length: {segment_length} steps each make {self.count}. Choose "
                f"n_segments={self.count}, or give segment_length."
            )
        self.n_active = self.count
        self.adapted = True

    @contextmanager
    def computing(self, n_steps: int, *, adapted: bool = True) -> Iterator[None]:
        """Let passes compute the segments of the first ``n_steps`` steps only.

        Parameters
        ----------
        n_steps : int
            Between 1 and H.
        adapted : bool, default=True
            Whether to use the weights of each segment, or the shared ones alone.
        """
        before = self.n_active, self.adapted
        self.n_active, self.adapted = -(-n_steps // self.length), adapted
        try:
            yield
        finally:
            self.n_active, self.adapted = before

    @property
    def n_steps(self) -> int:
        """Number of steps that a pass forecasts."""
        return min(self.n_active * self.length, self.horizon)

    def split(self, x: Tensor) -> Tensor:
        """Cut what is given for every step: (B, H, n) -> (S', B, 1, T, n), S' active segments.

        The last step goes on where the last segment reaches beyond the horizon.
        """
        x = x[:, : self.n_steps]
        missing = self.n_active * self.length - x.shape[1]
        x = functional.pad(x.transpose(1, 2), (0, missing), mode="replicate").transpose(1, 2)
        return x.unflatten(1, (self.n_active, self.length)).movedim(1, 0).unsqueeze(2)

    def join(self, y: Tensor) -> Tensor:
        """Lay segments one behind the other: (S' or 1, B, C, T, P) -> (B, C, n_steps, P)."""
        y = y.expand(self.n_active, *y.shape[1:])
        return y.movedim(0, 2).flatten(2, 3)[:, :, : self.n_steps]
