"""The singular values of the auxiliary weights: how low their rank is."""

from typing import Any

import pandas as pd
import torch

from hyperforecast.diagnostics.network import auxiliary_weights_of, network_and_channels


def auxiliary_energy(model: Any) -> pd.DataFrame:
    r"""Return how much of each channel's auxiliary weight its leading singular values hold.

    .. math:: E_{nk} = \sum_{j \le k} \sigma_{nj}^2 \Big/ \sum_j \sigma_{nj}^2.

    Energy that is nearly one from a small k on says that a low rank is enough.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"`` or ``"full"``.

    Returns
    -------
    DataFrame, shape (C, min(I, D))
        A row for each channel; the columns are the numbers of singular values kept, from one. A
        channel whose auxiliary weight is zero has no energy to share out: its row is NaN.
    """
    network, channels = network_and_channels(model)
    weights = auxiliary_weights_of(network)
    if weights is None:
        raise ValueError(
            "The model has no auxiliary weights: auxiliary_energy needs a LightSAE with "
            "variant='light' or 'full'."
        )
    squares = torch.linalg.svdvals(weights).square()  # (C, min(D, I))
    total = squares.sum(dim=1, keepdim=True)
    energy = (squares.cumsum(dim=1) / torch.where(total > 0, total, torch.nan)).numpy()
    columns = pd.RangeIndex(1, energy.shape[1] + 1, name="singular values")
    return pd.DataFrame(energy, index=channels, columns=columns)
