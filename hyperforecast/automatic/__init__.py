"""What is compared, and chosen from the rows of series, whatever the host."""

from hyperforecast.automatic.lookback import choose_lookback
from hyperforecast.automatic.periods import (
    occurring,
    period_of_rows,
    periods_of_frequency,
    place_in_time,
)
from hyperforecast.automatic.season import season_of, season_of_frequency

__all__ = [
    "choose_lookback",
    "occurring",
    "period_of_rows",
    "periods_of_frequency",
    "place_in_time",
    "season_of",
    "season_of_frequency",
]
