"""What tells the series of a collection apart, whatever the order in which they are given."""

from collections.abc import Hashable, Iterable, Sequence

from hyperforecast.nn.exact.windows.observed_series import ObservedSeries


def distinct_numbers(series: Sequence[ObservedSeries]) -> list[int]:
    """Number series by their targets, from zero: one that is given again has its number again.

    A series given twice says nothing twice, so that it must not count twice where independent
    observations are counted.
    """
    return number_of_each((one.n_channels, one.target.cpu().numpy().tobytes()) for one in series)


def order_by_values(series: Sequence[ObservedSeries]) -> list[int]:
    """Return the places of series in an order that their lengths and values decide.

    Of standardised series it does not depend on their units.
    """
    keys = [(one.n_rows, one.target.square().sum().item()) for one in series]
    return sorted(range(len(series)), key=keys.__getitem__)


def number_of_each(contents: Iterable[Hashable]) -> list[int]:
    """Number things from zero: one that comes again has its number again."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(content, len(numbers)) for content in contents]
