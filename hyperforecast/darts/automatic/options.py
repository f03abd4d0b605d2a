"""Options of the automatic models in both hosts."""

from collections.abc import Sequence
from typing import Literal

from hyperforecast.nn.options import option, option_group

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Quantiles forecast by default."""


@option_group
class AutoOptions:
    """What is compared, and for how long."""

    presets: Literal["fast", "medium", "best"] = option(
        default="fast",
        of="training",
        doc="""What is compared. ``"fast"``: naive forecasts and what the exact solver trains, in
        seconds. ``"medium"`` adds nonlinear backbones that gradients train, in minutes: each of
        four for one epoch, the best two in full, with one head for all and with generated heads.
        ``"best"`` trains each of five in full, the best two of what came out of it with two more
        seeds, and compares the sum of all candidates, each by its share, with each alone.""",
    )
    quantiles: Sequence[float] | None = option(
        default=LEVELS,
        above=0,
        below=1,
        doc="""Quantiles to forecast, the median among them and symmetric around it, calibrated on
        windows that were not trained on; a plain ``predict`` returns the median. Points alone, the
        least squares ones, if ``None``.""",
    )
    season: int | None = option(
        default=None,
        least=2,
        unit="of steps",
        doc="""Rows of a season, for the seasonal naive forecast and the lookback. If not given, a
        day for steps of less than one, a week for days, a year for weeks, months and quarters.""",
    )
    time_limit: float | None = option(
        default=None,
        of="training",
        above=0,
        doc="""Seconds to compare in, and to fit what is chosen on all rows, for which time is kept
        back. When they are over, what is left of candidates, settings and epochs is not compared.
        Naive forecasts always are.""",
    )
    validation_size: float = option(
        default=0.2,
        of="training",
        above=0,
        below=1,
        doc="""Share of each series' windows, the last ones, that candidates are compared on where
        no validation series are given. The one chosen is then fitted on all windows.""",
    )
    candidates: Sequence[str] | None = option(
        default=None,
        of="training",
        doc="""Names of the candidates to compare, as in ``leaderboard()``; those of ``presets`` if
        not given.""",
    )
