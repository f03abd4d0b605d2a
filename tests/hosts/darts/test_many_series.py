"""What is not done for every series of a forecast."""

from collections.abc import Callable
from typing import Any

import pytest
from darts import TimeSeries
from darts.utils.data.torch_datasets.utils import TorchInferenceBatch
from lightning_fabric.utilities import apply_func

from hyperforecast.darts import HNMVTSModel


@pytest.mark.parametrize("covariates", [False, True])
def test_no_series_is_sliced_and_no_schema_searched_for_tensors(
    covariates: bool, make_series: Callable[..., TimeSeries], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would take as long as all else that is done for a short series."""
    panel = [make_series(40, 2, seed=i) for i in range(5)]
    given: dict[str, Any] = {}
    if covariates:
        given["future_covariates"] = [make_series(50, 1, seed=i) for i in range(5)]
    model = HNMVTSModel(12, 4, random_state=0, pl_trainer_kwargs={"accelerator": "cpu"})
    model.fit(panel, **given)
    expected = model.predict(4, series=panel, **given)
    sliced, searched = [], []
    slice_of, search = TimeSeries.__getitem__, apply_func.apply_to_collection
    monkeypatch.setattr(
        TimeSeries, "__getitem__", lambda self, key: sliced.append(key) or slice_of(self, key)
    )
    monkeypatch.setattr(
        apply_func, "apply_to_collection", lambda *a, **k: searched.append(a) or search(*a, **k)
    )
    found = model.predict(4, series=panel, **given)
    assert not sliced
    assert not [one for one in searched if isinstance(one[0], TorchInferenceBatch)]
    assert found == expected
