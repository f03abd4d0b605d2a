"""Cases of window moments, and the sums over windows by loops."""

from dataclasses import fields

import torch
from naive_windows import designs
from torch import Tensor

from hyperforecast.nn.exact import Moments, ObservedSeries, WindowLayout

KINDS = {
    "alone": (),
    "past": ("past",),
    "future": ("future",),
    "static": ("static",),
    "factors": ("factors",),
    "all": ("past", "future", "static", "factors"),
}


def make_layout(
    kinds: tuple[str, ...], norm: str, shift: int, lookback: int = 7, unused: int = 0
) -> WindowLayout:
    random = torch.Generator().manual_seed(5)
    loadings = torch.randn(3, 2, generator=random, dtype=torch.float64)
    factors = {"loadings": loadings, "factor_lookback": 4} if "factors" in kinds else {}
    return WindowLayout(lookback, 3, shift, norm, **factors, unused=unused)


def naive_moments(several: list[ObservedSeries], layout: WindowLayout) -> Moments:
    """The sums over windows, by loops over windows and channels."""
    x, y, f = designs(several, layout)
    n_windows, n_channels, n_regressors = x.shape
    horizon, n_future = f.shape[2:]
    total = Moments(
        x.new_zeros(n_channels, n_regressors, n_regressors),
        x.new_zeros(n_channels, n_regressors, horizon),
        x.new_zeros(n_channels),
        x.new_zeros(n_channels, n_regressors, horizon, n_future),
        x.new_zeros(n_channels, n_future, n_future),
        x.new_zeros(n_channels, n_future),
        n_windows,
    )
    for t in range(n_windows):
        for c in range(n_channels):
            total.xx[c] += torch.outer(x[t, c], x[t, c])
            total.xy[c] += torch.outer(x[t, c], y[t, c])
            total.yy[c] += y[t, c] @ y[t, c]
            for h in range(horizon):
                total.xf[c, :, h] += torch.outer(x[t, c], f[t, c, h])
                total.ff[c] += torch.outer(f[t, c, h], f[t, c, h])
                total.fy[c] += f[t, c, h] * y[t, c, h]
    return total


def assert_same_moments(found: Moments, expected: Moments, tolerance: float = 1e-10) -> None:
    for field in fields(Moments):
        one, two = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(one, Tensor):
            assert one.shape == two.shape, field.name
            largest = two.abs().max().item() if two.numel() else 0.0
            torch.testing.assert_close(
                one,
                two,
                rtol=0.0,
                atol=tolerance * largest,
                msg=lambda m, f=field: f"{f.name}: {m}",
            )
        else:
            assert one == two, field.name


def of_channels(moments: Moments, channels: slice) -> dict:
    parts = {f.name: getattr(moments, f.name) for f in fields(moments)}
    return {k: v if k == "n_windows" else v[channels] for k, v in parts.items()}
