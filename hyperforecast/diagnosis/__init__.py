"""Which kind of model a table asks for, by a backtest of the simplest of each kind."""

from hyperforecast.automatic.season import season_of
from hyperforecast.diagnosis.diagnose import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose", "season_of"]
