"""What an installed package has to do without its sources: `make test-wheel` runs it."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from darts import TimeSeries

import hyperforecast
from hyperforecast.darts import HNMVTSModel
from hyperforecast.datasets import load_new_york
from hyperforecast.sktime import HNMVTSForecaster

assert "site-packages" in hyperforecast.__file__, hyperforecast.__file__
assert (Path(hyperforecast.__file__).parent / "py.typed").exists()
assert load_new_york().shape == (8730, 47)

time = pd.date_range("2024-01-01", periods=120, freq="D")
values = np.sin(np.arange(120) / 3)[:, None] * [1.0, 2.0]
y = pd.DataFrame(values, index=time, columns=["a", "b"])

forecast = HNMVTSForecaster(24).fit(y, fh=[1, 2, 3]).predict()
assert forecast.shape == (3, 2)
assert np.abs(forecast["a"] - np.sin(np.arange(120, 123) / 3)).max() < 0.05

model = HNMVTSModel(24, 3).fit(TimeSeries.from_dataframe(y))
model.save("model.pt")
loaded = HNMVTSModel.load("model.pt")
np.testing.assert_array_equal(loaded.predict(3).values(), model.predict(3).values())
print("hyperforecast", version("hyperforecast"), "fits and forecasts in both hosts")
