"""Standardised series, on which gradients train what the automatic model compares."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from darts import TimeSeries
from torch import Tensor

from hyperforecast.darts.automatic.held_out import Observed
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.nn.in_units import in_units


class Scale(NamedTuple):
    """Mean and deviation of components over all rows, gaps left out; (m,) each.

    A component that is constant has a deviation of one.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> Self:
        """Return those of the rows of several tables (T, m)."""
        values = np.concatenate(rows).astype(np.float64)
        mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        return cls(mean, np.where(deviation > 0, deviation, 1.0))

    def standardise(self, values: np.ndarray) -> np.ndarray:
        """Standardise the values of a series, (T, m, 1)."""
        return (values - self.mean[:, None]) / self.deviation[:, None]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return mean and deviation."""
        return torch.from_numpy(self.mean), torch.from_numpy(self.deviation)


@dataclass(frozen=True)
class Scales:
    """Scales of series and of what belongs to them; ``None`` of what is left as it is."""

    target: Scale
    past: Scale | None = None
    future: Scale | None = None
    static: Scale | None = None

    @classmethod
    def of(cls, data: Observed, *, covariates: bool = True) -> Self:
        """Return those of training data.

        Parameters
        ----------
        data : Observed
        covariates : bool, default=True
            Whether covariates are standardised, too.
        """

        target = Scale.of([one.values(copy=False) for one in data.series])
        if not covariates:
            return cls(target)
        tables = [one.static_covariates for one in data.series]
        return cls(
            target,
            _scale_of(data.past_covariates),
            _scale_of(data.future_covariates),
            None if tables[0] is None else Scale.of([table.to_numpy() for table in tables]),
        )

    def standardise(self, data: Observed) -> Observed:
        """Return data in these units."""
        return replace(
            data,
            series=[self._with_static(one) for one in _all(data.series, self.target)],
            past_covariates=_all(data.past_covariates, self.past),
            future_covariates=_all(data.future_covariates, self.future),
        )

    def _with_static(self, series: TimeSeries) -> TimeSeries:
        table = series.static_covariates
        if self.static is None or table is None:
            return series
        standardised = (table - self.static.mean) / self.static.deviation
        return series.with_static_covariates(standardised)

    def state_in_units(self, module: ForecastingModule) -> dict[str, Any]:
        """Return the state of a module trained on data in these units, for the data themselves."""
        units = {"target": self.target.tensors()}
        seen = [one for one in (self.past, self.future) if one is not None]
        if seen:  # what is known ahead is known over the window, too
            past = Scale(*(np.concatenate(values) for values in zip(*seen, strict=True)))
            units["past"] = past.tensors()
        for kind, scale in (("future", self.future), ("static", self.static)):
            if scale is not None and module.network_arguments[f"n_{kind}_covariates"]:
                units[kind] = scale.tensors()
        network, arguments = in_units(module.single_network, module.network_arguments, units)
        others = {k: v for k, v in module.state_dict().items() if not k.startswith("network.")}
        return {
            **others,
            **{f"network.{name}": value for name, value in network.state_dict().items()},
            "_extra_state": {**module.get_extra_state(), "network": arguments},
        }


def _scale_of(series: Sequence[TimeSeries] | None) -> Scale | None:
    return None if series is None else Scale.of([one.values(copy=False) for one in series])


def _all(series: Sequence[TimeSeries] | None, scale: Scale | None) -> Any:
    if series is None or scale is None:
        return series
    return [
        one.with_values(scale.standardise(one.all_values()).astype(one.dtype)) for one in series
    ]
