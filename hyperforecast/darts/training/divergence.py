"""Weights and forecasts that are not finite."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from darts.utils.data import TorchTrainingDataset
from torch import Tensor, nn

ADVICE = (
    "Scale the data, for example with darts.dataprocessing.transformers.Scaler or by a constant "
    "that brings deviations to about one, or choose a smaller learning rate, "
    "optimizer_kwargs={'lr': 1e-4}."
)


def check_weights(module: nn.Module, dataset: TorchTrainingDataset) -> None:
    """Raise if training left weights that are not finite, and its data do not explain them.

    Raises
    ------
    ValueError
        Naming the first such weight.
    """
    bad = [name for name, weight in module.named_parameters() if not weight.isfinite().all()]
    if not bad or not all(map(_is_finite, _covariates(dataset))):
        return  # what encoders make may have gaps, and has been warned of
    raise ValueError(
        f"Training diverged: {len(bad)} of {len(list(module.parameters()))} parameters hold NaN or "
        f"infinite values, the first is {bad[0]!r}. Expected finite weights. {ADVICE}"
    )


def check_forecast(forecast: Tensor, batch: Any, module: nn.Module) -> None:
    """Raise if a forecast of finite inputs is not finite.

    Parameters
    ----------
    forecast : Tensor
    batch : TorchInferenceBatch
        What was forecast from.
    module : Module
        What forecast.
    """
    if forecast.isfinite().all():
        return
    inputs = {field.name: getattr(batch, field.name) for field in fields(batch)}
    for name in ("past_target", "past_covariates"):  # whose gaps are filled
        if torch.is_tensor(inputs.get(name)):
            inputs[name] = inputs[name].nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf)
    if all(bool(one.isfinite().all()) for one in inputs.values() if torch.is_tensor(one)):
        n_bad = int((~forecast.isfinite()).sum())
        said = (
            f"The forecast is not finite: {n_bad} of {forecast.numel()} values are NaN or infinite"
        )
        if not all(bool(weight.isfinite().all()) for weight in module.parameters()):
            raise ValueError(
                f"{said}, because weights are: the model was trained on covariates that are not "
                "finite, as encoders may make them. Train again on finite ones."
            )
        raise ValueError(f"{said}, though all that it is made from is finite. {ADVICE}")


def _covariates(dataset: TorchTrainingDataset) -> Iterable[Any]:
    for name in ("past_covariates", "future_covariates"):
        yield from getattr(dataset, name, None) or ()


def _is_finite(series: Any) -> bool:
    return bool(np.isfinite(series.all_values(copy=False)).all())
