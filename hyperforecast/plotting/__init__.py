"""Pictures of forecasts and of what a model made of its channels.

Every function draws into axes that are given or into a new figure, returns them, and leaves it to
the caller to show or save them.
"""

from hyperforecast.diagnostics import channel_map
from hyperforecast.plotting.forecasts import plot_forecasts
from hyperforecast.plotting.gains import plot_channel_gains
from hyperforecast.plotting.gates import plot_gates
from hyperforecast.plotting.maps import plot_channel_map, plot_channel_positions
from hyperforecast.plotting.singular_values import plot_auxiliary_energy

__all__ = [
    "channel_map",
    "plot_auxiliary_energy",
    "plot_channel_gains",
    "plot_channel_map",
    "plot_channel_positions",
    "plot_forecasts",
    "plot_gates",
]
