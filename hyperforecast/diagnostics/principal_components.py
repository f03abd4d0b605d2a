"""Principal components: the plane in which vectors differ most."""

import numpy as np
import torch

from hyperforecast.nn.series.eigenvectors import fix_signs


def principal_components(vectors: np.ndarray, n_components: int) -> tuple[np.ndarray, np.ndarray]:
    """Place vectors by their leading principal components.

    Parameters
    ----------
    vectors : ndarray, shape (C, E)
    n_components : int
        Where the vectors have fewer dimensions, the rest is zero.

    Returns
    -------
    positions : ndarray, shape (C, n_components)
        The sign of a component is arbitrary: its largest entry is made positive.
    explained : ndarray, shape (n_components,)
        Share of the vectors' variance.
    """
    directions, lengths, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    positions = fix_signs(torch.from_numpy(directions)).numpy() * lengths
    explained = lengths**2 / max(np.sum(lengths**2), np.finfo(float).tiny)
    missing = max(0, n_components - positions.shape[1])
    positions = np.pad(positions, ((0, 0), (0, missing)))[:, :n_components]
    return positions, np.pad(explained, (0, missing))[:n_components]
