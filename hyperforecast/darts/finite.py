"""Values that would turn every weight into NaN."""

import logging

import numpy as np
from darts import TimeSeries

logger = logging.getLogger(__name__)


def check_finite(series: TimeSeries, kind: str) -> None:
    """Raise if a series holds NaN or infinite values: they would turn every weight into NaN."""
    values = series.all_values(copy=False)  # (T, C, samples)
    if np.isfinite(values).all():
        return
    bad = ~np.isfinite(values).all(axis=2)  # (T, C)
    rows, columns = np.nonzero(bad)
    named = [str(series.components[c]) for c in np.unique(columns)]
    message = (
        f"`{kind}` holds NaN or infinite values: {bad.sum()} in "
        f"{', '.join(map(repr, named[:5]))}{' and more' if len(named) > 5 else ''}, the first at "
        f"{series.time_index[rows[0]]}. Expected finite numbers; fill gaps first, for example "
        "with darts.utils.missing_values.fill_missing_values."
    )
    if all(name.startswith("darts_enc_") for name in named):
        # made by an encoder or its transformer, which Darts lets fail
        logger.warning("%s These are made by `add_encoders`; forecasts will be NaN.", message)
        return
    raise ValueError(message)
