"""Inputs of a model in the order of its weights, whatever order they are given in."""

import copy
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from darts import TimeSeries
from darts.utils.data import TorchInferenceDataset, TorchTrainingDataset

from hyperforecast.darts.inputs.names import (
    KINDS,
    InputKind,
    name_order,
    taken_by_position,
    unknown_in_whole,
)
from hyperforecast.darts.inputs.series_numbers import kept_columns
from hyperforecast.darts.inputs.training_data import names_of
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.nn.resizing import belongs_to_channels


class OrderedInputs(ABC):
    """What of a Darts model brings channels and covariates to their weights, by name.

    Inputs with names that are all unknown are taken by position, with a warning where it matters.
    """

    model: ForecastingModule | None
    pl_module_params: dict[str, Any]
    model_params: dict[str, Any]
    _considers_static_covariates: bool
    _reference_names: dict[InputKind, list[str]] | None = None
    """Names that inputs follow; those of the weights until the first inputs are seen."""
    _taken_by_position: Sequence[InputKind] = ()
    """Kinds of inputs that a warning was given of."""

    @property
    def channel_names(self) -> list[str]:
        """Names of the channels in the order of the network's weights."""
        return list(self.model.channel_names) if self.model is not None else []

    @property
    def trained_channel_names(self) -> list[str]:
        """Names of the channels that were trained on, not added: the first ones."""
        return self.channel_names[: self.model.n_trained] if self.model is not None else []

    @property
    def covariate_names(self) -> dict[InputKind, list[str]]:
        """Names of past, future and static covariates in the order of the network's weights.

        Static covariates that generate weights are among them.
        """
        if self.model is None:
            return {}
        names = copy.deepcopy(self.model.covariate_names)
        if self.model.attributes is not None:
            names["static_covariates"] = list(self.model.attributes["names"])
        return names

    @abstractmethod
    def _network_plan(self) -> dict[str, Any]:
        """Return the arguments of the network that do not depend on the data."""

    def _trained_names(self) -> dict[InputKind, list[str]]:
        """Return the names that weights belong to; none of kinds without weights."""
        names = {"channels": self.channel_names, **self.covariate_names}
        return {kind: trained for kind, trained in names.items() if trained}

    def _order_by_trained_names(self) -> None:
        """Let inputs follow the names of the weights, of kinds without weights the first."""
        self._reference_names = self._trained_names()

    def _order(self, kind: InputKind, components: pd.Index) -> list[int] | None:
        """Return the order that puts inputs at their weights; ``None`` where they stand right.

        Without weights the first series names the order.
        """
        if self._reference_names is None:
            self._reference_names = self._trained_names()
        known = self._reference_names.get(kind)
        if kind == "channels" and known is not None and len(known) == len(components) == 1:
            return None  # by any name; of lists of series names take long to read
        names = list(map(str, components.tolist()))
        trained = self._reference_names.setdefault(kind, names)
        order = name_order(names, trained, kind)
        if (
            len(names) == len(trained)
            and unknown_in_whole(names, trained)
            and kind not in self._taken_by_position
            and (kind != "channels" or self._channels_differ(len(names)))
        ):
            self._taken_by_position = [*self._taken_by_position, kind]
            warnings.warn(taken_by_position(names, trained, kind), stacklevel=2)
        return order

    def _channels_differ(self, n_channels: int) -> bool:
        """Return whether it matters which channel is which."""
        if n_channels == 1:
            return False
        if self.pl_module_params.get("use_reversible_instance_norm"):
            return True  # it has a scale and a shift for each channel
        network = self._network_plan() | {"n_channels": n_channels}
        return belongs_to_channels(
            **(network if self.model is None else self.model.network_arguments)
        )

    def _in_order(
        self, kind: InputKind, covariates: Sequence[TimeSeries] | None
    ) -> Sequence[TimeSeries] | None:
        if covariates is None:
            return None
        return [reorder(one, self._order(kind, one.components)) for one in covariates]

    def _with_ordered_static_covariates(self, series: TimeSeries) -> TimeSeries:
        static = series.static_covariates
        if static is None or not self._considers_static_covariates:
            return series
        kept = kept_columns(static, self.model_params.get("series_id"))
        order = self._order("static_covariates", static.columns[kept]) if kept else None
        if order is None:
            return series
        names = [i for i in range(len(static.columns)) if i not in kept]
        columns = [*(kept[i] for i in order), *names]
        return series.with_static_covariates(static.iloc[:, columns])

    def _check_dataset_order(
        self,
        dataset: TorchTrainingDataset | TorchInferenceDataset,
        kinds: Iterable[InputKind] = KINDS,
    ) -> None:
        """Raise if a dataset has inputs of the model in another order than its weights."""
        trained, found = self._trained_names(), names_of(dataset)
        for kind in kinds:
            names, expected = found.get(kind, []), trained.get(kind, [])
            if len(names) == len(expected) and name_order(names, expected, kind) is not None:
                where = "channel_names" if kind == "channels" else f"covariate_names[{kind!r}]"
                raise ValueError(
                    f"The {kind} of the dataset are those that the model was trained on, in "
                    f"another order: {', '.join(map(repr, names[:10]))}. Build the dataset from "
                    f"series that are in the model's order, `series[model.{where}]`."
                )


def reorder(series: TimeSeries, order: Sequence[int] | None) -> TimeSeries:
    """Return a series with its components in another order."""
    return series if order is None else series[[str(series.components[i]) for i in order]]
