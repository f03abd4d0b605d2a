"""What a module notes of its training, so that channels and series can be added to it."""

from typing import Any

import torch
from darts.utils.data import TorchTrainingDataset

from hyperforecast.darts.inputs.training_data import training_values
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.contexts.attributes import free_beside_attributes, free_parts
from hyperforecast.nn.entities import n_rows
from hyperforecast.nn.newcomers import own_correlations
from hyperforecast.nn.resizing import belongs_to_channels


def note_training(module: Any, dataset: TorchTrainingDataset) -> None:
    """Note that what a module has weights for is trained on, and how it depends on its own past.

    Series that are not in the dataset keep what was noted of them.
    """
    module.n_trained = len(module.channel_names)
    module.n_trained_series = len(module.series_names)
    module.encoder_state = None
    module.short_series = {}
    network = module.network
    count = n_rows(network.weights_by, network.n_channels, network.n_series)
    count = max(count, network.n_channels)  # there are no more factors than channels
    as_of_channels = {**module.network_arguments, "weights_by": "channel", "n_channels": count}
    if not belongs_to_channels(**as_of_channels):
        return
    numbers = getattr(dataset, "numbers", None)
    found = own_correlations(network, training_values(dataset), numbers)
    before = module.own_correlations
    if before is not None and before.shape == found.shape:
        there = found.any(dim=1, keepdim=True)
        found = torch.where(there, found, before.to(found))
    module.own_correlations = found.float()


def begin_at_zero(module: Any, network: ForecastingNetwork) -> set[str]:
    """Return the names of a network's parameters that are zero before a row is seen.

    Where vectors of zeros are the head that all share, all vectors; else what is free of them
    beside what attributes say.

    Parameters
    ----------
    module : ForecastingModule
        What trained it.
    network : ForecastingNetwork
        Its own, or one of other channels.
    """
    return free_parts(network) if module.shares_at_zero else free_beside_attributes(network)
