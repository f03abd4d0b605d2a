"""Hypernetworks for time-series forecasting.

Every method is a Darts model (``hyperforecast.darts``) and an sktime forecaster
(``hyperforecast.sktime``) over one torch network (``hyperforecast.nn``). Importing this
package loads none of the three.
"""

from importlib.metadata import version

__version__ = version("hyperforecast")
