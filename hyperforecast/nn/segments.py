"""A horizon cut into segments, each forecast with weights of its own."""

from torch import Tensor
from torch.nn import functional

from hyperforecast.nn.errors import check_sizes


class Segments:
    """A horizon of H steps, cut into S segments of equal length T.

    All segments, or the first of them, go through the network side by side. A pass that computes
    S' segments has them on a leading axis of its activations, (S', B, C, ...), from the first
    stage of the network on whose weights differ between them; so the activations themselves say
    how many segments a layer is to compute.

    Parameters
    ----------
    horizon : int
        Number of forecast steps H.
    n_segments : int, optional
        Number of segments S.
    segment_length : int, optional
        Steps T of a segment. With neither, there are two segments, or one of a single step.

    Attributes
    ----------
    count, length : int
        S and T. Where S·T is more than H, the last segment reaches beyond the horizon, and the
        steps beyond are dropped.
    """

    default_count = 2

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

    def reaching(self, n_steps: int) -> int:
        """Return the number of leading segments that hold the first ``n_steps`` steps."""
        return -(-n_steps // self.length)

    def split(self, x: Tensor, n_segments: int) -> Tensor:
        """Cut what is given for every step: (B, H, n) -> (S', B, 1, T, n), S' leading segments.

        The last step goes on where the last segment reaches beyond the horizon.
        """
        x = x[:, : min(n_segments * self.length, self.horizon)]
        missing = n_segments * self.length - x.shape[1]
        x = functional.pad(x.transpose(1, 2), (0, missing), mode="replicate").transpose(1, 2)
        return x.unflatten(1, (n_segments, self.length)).movedim(1, 0).unsqueeze(2)

    def join(self, y: Tensor) -> Tensor:
        """Lay segments one behind the other: (S', B, C, T, P) -> (B, C, S'·T, P), at most H."""
        return y.movedim(0, 2).flatten(2, 3)[:, :, : self.horizon]
