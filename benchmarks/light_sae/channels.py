"""Synthetic channels: all alike, in clusters, or with nothing in common."""

import numpy as np

from benchmarks.protocol import Dataset, scale, split

KINDS = ("alike", "clusters", "unrelated")
N_CLUSTERS = 4


def synthetic_channels(
    kind: str, seed: int, n_channels: int = 24, n_rows: int = 3000
) -> tuple[Dataset, np.ndarray]:
    """Make channels of noise-driven oscillators, and say which of them are alike.

    Parameters
    ----------
    kind : {"alike", "clusters", "unrelated"}
        All channels have the same dynamics; each has that of one of four clusters; each its own.
    seed : int
    n_channels, n_rows : int

    Returns
    -------
    Dataset
        Each channel is an autoregression of order 12 with noise of its own: channels of the same
        dynamics are alike without being correlated.
    ndarray of int, shape (C,)
        Number of each channel's dynamics.
    """
    random = np.random.default_rng(seed)
    n_dynamics = {"alike": 1, "clusters": N_CLUSTERS, "unrelated": n_channels}[kind]
    labels = np.arange(n_channels) % n_dynamics
    # characteristic roots: six damped oscillations of random frequencies
    radii = random.uniform(0.8, 0.97, size=(n_dynamics, 6))
    angles = random.uniform(0.05, np.pi, size=(n_dynamics, 6))
    roots = radii * np.exp(1j * angles)
    polynomials = [np.poly(np.concatenate([r, r.conj()])).real for r in roots]
    lags = np.stack([-polynomial[1:] for polynomial in polynomials])[labels]  # (C, 12)
    values = np.zeros((n_rows + 200, n_channels))
    noise = random.normal(size=values.shape)
    for t in range(12, len(values)):
        values[t] = (lags.T * values[t - 12 : t][::-1]).sum(axis=0) + noise[t]
    raw = values[200:]
    bounds = split(len(raw))
    names = [f"{kind} {i}" for i in range(n_channels)]
    return Dataset(kind, names, scale(raw, bounds), bounds), labels
