"""What is read from the series of a training dataset."""

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts.inputs.training_data import as_tensor
from tests.hosts.darts.every_model import H, L, each_model


def test_an_array_in_reverse_is_copied() -> None:
    values = np.arange(6.0).reshape(3, 2)
    assert torch.equal(as_tensor(values[::-1]), torch.tensor([[4.0, 5], [2, 3], [0, 1]]))
    assert as_tensor(values).data_ptr() == values.ctypes.data


@each_model
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_table_in_newest_first_order_is_that_of_oldest_first(
    model_class: type, dtype: str, panel: pd.DataFrame
) -> None:
    oldest_first, newest_first = (
        TimeSeries.from_dataframe(table, freq="D")
        for table in (panel.astype(dtype), panel.astype(dtype)[::-1])
    )
    assert newest_first.values(copy=False).strides[0] < 0
    for options in ({"n_epochs": 1, "random_state": 0}, {}):
        solver = {o.name: o.default for o in model_class.constructor_options()}.get("solver")
        if not options and solver != "auto":
            continue
        one, two = (model_class(L, H, **options).fit(s) for s in (oldest_first, newest_first))
        np.testing.assert_array_equal(two.predict(H).values(), one.predict(H).values())
