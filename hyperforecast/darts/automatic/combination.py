"""Candidates of the automatic model whose forecasts are added up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.nn.combined_network import MEMBERS
from hyperforecast.nn.exact.settings.combination import chosen_shares, mean_products

OF_ALL = (
    "n_channels",
    "output_roles",
    "n_past_covariates",
    "n_future_covariates",
    "n_static_covariates",
)
"""Arguments of a network that those of all members share."""

Member = TypeVar("Member")


@dataclass(frozen=True)
class Combination(Generic[Member]):
    """What is added up.

    Attributes
    ----------
    members : list
    shares : list of float
        Not negative, of sum one.
    spreads : list of float
        How much smaller the errors of the sum are than the members', of each channel.
    """

    members: list[Member]
    shares: list[float]
    spreads: list[float]

    @classmethod
    def of(
        cls, candidates: Sequence[Member], residuals: Sequence[Tensor]
    ) -> tuple["Combination[Member]", Tensor]:
        """Choose shares as the exact solver does of its settings.

        Parameters
        ----------
        candidates : sequence
        residuals : sequence of Tensor, each of shape (C, T, H)
            Of the same windows, that no candidate was trained on.

        Returns
        -------
        combination : Combination
            Of the candidates that have a share.
        residuals : Tensor, shape (C, T, H)
            Of the sum.
        """
        shares = chosen_shares(mean_products([one.double() for one in residuals])).tolist()
        kept = [number for number, share in enumerate(shares) if share]
        total = torch.stack([shares[i] * residuals[i] for i in kept]).sum(dim=0)
        of_each = sum(shares[i] * _root_mean_square(residuals[i]) for i in kept)
        spreads = torch.where(of_each > 0, _root_mean_square(total) / of_each, 1.0)
        combination = cls(
            [candidates[i] for i in kept], [shares[i] for i in kept], spreads.tolist()
        )
        return combination, total

    def arguments(self, of_members: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the arguments of a network that adds up those of the members' arguments."""
        of_all = {name: value for name, value in of_members[0].items() if name in OF_ALL}
        members = [
            {name: value for name, value in one.items() if name not in OF_ALL} for one in of_members
        ]
        return {**of_all, MEMBERS: members, "shares": self.shares, "spreads": self.spreads}

    def join(self, models: Sequence[HyperforecastModel]) -> HyperforecastModel:
        """Return the first of fitted members with a network that adds up the forecasts of all."""
        joined = models[0]
        joined.model = self._module(models)
        joined._solution = joined._solver_report = None  # of one member
        return joined

    def _module(self, models: Sequence[HyperforecastModel]) -> ForecastingModule:
        modules = [_module_of(one) for one in models]
        first = modules[0]
        network = self.arguments([one.network_arguments for one in modules])
        joined = ForecastingModule(
            **{**first.hparams, "network": network, "generator_lr": None},
        ).to(first.dtype)
        joined.set_extra_state({**first.get_extra_state(), "network": network})
        for mine, theirs in zip(joined.network.members, modules, strict=True):
            mine.load_state_dict(theirs.network.state_dict())
        return joined.eval()


def _root_mean_square(residuals: Tensor) -> Tensor:
    return residuals.square().mean(dim=(1, 2)).sqrt()


def _module_of(model: HyperforecastModel) -> ForecastingModule:
    assert isinstance(model.model, ForecastingModule)
    return model.model
