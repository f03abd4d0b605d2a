"""Curves of the singular values: what is drawn, read back from the artists."""

from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.diagnostics import auxiliary_energy
from hyperforecast.plotting import plot_auxiliary_energy


def test_energy_curves(train_light_sae: Any, panel: pd.DataFrame) -> None:
    model = train_light_sae(panel, rank=2)
    ax = plot_auxiliary_energy(model)
    *curves, median = ax.lines
    np.testing.assert_allclose(
        np.stack([curve.get_ydata() for curve in curves]), auxiliary_energy(model)
    )
    np.testing.assert_allclose(median.get_ydata(), auxiliary_energy(model).median())
