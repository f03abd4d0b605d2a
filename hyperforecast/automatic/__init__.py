"""What is chosen from the rows of series, whatever the host: seasons and lookbacks."""

from hyperforecast.automatic.lookback import choose_lookback
from hyperforecast.automatic.season import season_of, season_of_frequency

__all__ = ["choose_lookback", "season_of", "season_of_frequency"]
