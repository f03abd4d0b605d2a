"""What is compared, and chosen from the rows of series, whatever the host."""

from hyperforecast.automatic.lookback import choose_lookback
from hyperforecast.automatic.season import season_of, season_of_frequency

__all__ = ["choose_lookback", "season_of", "season_of_frequency"]
