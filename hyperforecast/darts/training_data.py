"""What a training dataset of Darts holds."""

from collections.abc import Sequence

import numpy as np
import torch
from darts import TimeSeries
from darts.utils.data import TorchTrainingDataset
from torch import Tensor


def training_series(dataset: TorchTrainingDataset) -> Sequence[TimeSeries] | None:
    """Return the target series of a dataset that keeps them, as Darts' own do."""
    series = getattr(dataset, "series", None)
    if isinstance(series, Sequence) and series and isinstance(series[0], TimeSeries):
        return series
    return None


def channels_of(dataset: TorchTrainingDataset) -> list[str]:
    """Return the names of a dataset's channels; none where it does not keep its series."""
    series = training_series(dataset)
    return [] if series is None else [str(name) for name in series[0].components]


def training_values(dataset: TorchTrainingDataset, max_windows: int = 512) -> list[Tensor]:
    """Return the target values of a training dataset, each (T, C).

    Of a dataset that does not keep its series, evenly spread windows are taken.
    """
    series = training_series(dataset)
    if series is not None:
        return [torch.as_tensor(np.asarray(one.values(copy=False))) for one in series]
    stride = max(1, len(dataset) // max_windows)
    return [torch.as_tensor(dataset[i].past_target) for i in range(0, len(dataset), stride)]
