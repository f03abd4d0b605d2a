"""Products of all that windows hold, of which the moments of every layout are parts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments, weighted_sums
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.regressors import flatten_past, join_groups


@dataclass(frozen=True)
class ContentProducts:
    """Sums over windows of the products of their contents with themselves, of n channels.

    A window's contents are the channel's rows in it, those of each past covariate, those of each
    future covariate, and a constant: W = (1 + Q + F) width + 1 numbers.

    Attributes
    ----------
    products : Tensor, shape (n, W, W)
    width : int
    n_past, n_future : int
        Q and F.
    """

    products: Tensor
    width: int
    n_past: int = 0
    n_future: int = 0

    @classmethod
    def of_windows(
        cls, target: Tensor, past: Tensor, future: Tensor, roots: Tensor
    ) -> "ContentProducts":
        """Return those of windows that are written out.

        Parameters
        ----------
        target : Tensor, shape (n, K, width)
        past, future : Tensor, shape (n, K, Q, width) and (n, K, F, width)
        roots : Tensor, shape (n, K)
            Of how much each window counts.
        """
        contents = [target, past.flatten(2), future.flatten(2), target.new_ones(*roots.shape, 1)]
        held = torch.cat(contents, dim=2) * roots[..., None]
        return cls(held.mT @ held, target.shape[2], past.shape[2], future.shape[2])

    def __add__(self, other: "ContentProducts") -> "ContentProducts":
        return ContentProducts(
            self.products + other.products, self.width, self.n_past, self.n_future
        )

    def channels(self, some: slice) -> "ContentProducts":
        """Return those of some of the channels."""
        return ContentProducts(self.products[some], self.width, self.n_past, self.n_future)

    def summed(self, weights: Tensor) -> "ContentProducts":
        """Return weighted sums over the channels, for every column of ``weights`` (n, m)."""
        sums = weighted_sums(self.products, weights)
        return ContentProducts(sums, self.width, self.n_past, self.n_future)

    def moments(self, layout: WindowLayout, static: Tensor | None, n_windows: int) -> Moments:
        """Return the moments of the channels under a layout.

        Parameters
        ----------
        layout : WindowLayout
            Of the same width, without factors, its norm not RevIN.
        static : Tensor, shape (n, S), optional
        n_windows : int
            What the moments say their number of windows is.
        """
        device = self.products.device
        lags = torch.arange(self.width, device=device)

        def of_covariates(count: int, first: int) -> Tensor:
            return first + torch.arange(count * self.width, device=device).view(count, self.width)

        n_static = 0 if static is None else static.shape[1]
        past = of_covariates(self.n_past, self.width)
        future = of_covariates(self.n_future, (1 + self.n_past) * self.width)
        constant = torch.full((n_static + 1,), self.products.shape[1] - 1, device=device)
        x = join_groups(
            own=lags[layout.inputs], past=flatten_past(past[:, layout.inputs]), constant=constant
        )
        y, f = lags[layout.targets], future[:, layout.targets].T  # (H,), (H, F)
        # what is static does not change with the window: it is a multiple of the constant
        scale = self.products.new_ones(len(self.products), len(x))
        if static is not None:
            scale[:, -1 - n_static : -1] = static

        level_free = self._without_level(layout)
        of_x = level_free[:, x] * scale[:, :, None]  # (n, p, W)
        of_f = level_free[:, f]  # (n, H, F, W)
        sizes = (len(of_f), layout.horizon, self.n_future)
        of_step = f[None, :, None].expand(*sizes, -1)
        step = y[None, :, None, None].expand(*sizes, 1)
        return Moments(
            xx=of_x[:, :, x] * scale[:, None],
            xy=of_x[:, :, y],
            yy=level_free.diagonal(dim1=1, dim2=2)[:, y].sum(dim=1),
            xf=of_x[:, :, f],
            ff=of_f.gather(3, of_step).sum(dim=1),
            fy=of_f.gather(3, step).squeeze(3).sum(dim=1),
            n_windows=n_windows,
        )

    def _without_level(self, layout: WindowLayout) -> Tensor:
        """Return the products with the level subtracted that the instance norm subtracts."""
        if not layout.level_steps:
            return self.products
        own = slice(0, self.width)
        rows = self.products.clone()
        rows[:, own] = layout.remove_level(rows[:, own])
        rows = rows.mT
        rows[:, own] = layout.remove_level(rows[:, own].contiguous())
        return rows.mT
