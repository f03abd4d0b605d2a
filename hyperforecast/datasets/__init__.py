"""Tables to forecast: two that show what hypernetworks do, and the user's own."""

from hyperforecast.datasets.csv_files import IrregularDatesError, read_csv
from hyperforecast.datasets.fertility import load_fertility
from hyperforecast.datasets.new_york import load_new_york

__all__ = ["IrregularDatesError", "load_fertility", "load_new_york", "read_csv"]
