"""Which series of a collection are the same one, given several times."""

from collections.abc import Sequence

from hyperforecast.nn.exact.observed_series import ObservedSeries


def distinct_numbers(series: Sequence[ObservedSeries]) -> list[int]:
    """Number series by their targets, from zero: one that is given again has its number again.

    A series given twice says nothing twice, so that it must not count twice where independent
    observations are counted.
    """
    numbers: dict[tuple[int, bytes], int] = {}
    contents = ((one.n_channels, one.target.cpu().numpy().tobytes()) for one in series)
    return [numbers.setdefault(content, len(numbers)) for content in contents]
