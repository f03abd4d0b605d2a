"""HN-MVTS against simpler models, backtested through sktime and through Darts.

Run ``python -m hyperforecast.demo``, or with ``--csv path`` on a file of your own.
"""

from hyperforecast.demo.command_line import main

__all__ = ["main"]
