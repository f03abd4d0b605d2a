"""Series of a list that are shorter than a window: nothing is learned from them."""

import warnings
from collections.abc import Collection, Sequence
from typing import Any

import torch
from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset

from hyperforecast.darts.inputs.series_numbers import NumberedTraining
from hyperforecast.darts.newcomers.new_series import row_before_any, tables_of_weights
from hyperforecast.darts.newcomers.trained_on import begin_at_zero


def put_short_last(dataset: SequentialTorchTrainingDataset) -> list[int]:
    """Let a dataset have no samples of series that are shorter than a window.

    They stand behind the others, and behind what the dataset counts. As Darts makes it, it counts
    samples of theirs, too, and drawing one raises.

    Parameters
    ----------
    dataset : SequentialTorchTrainingDataset
        Of series of which one is long enough; it is changed.

    Returns
    -------
    list of int
        Where the series stood.
    """
    n_rows = [len(one) for one in dataset.series]
    order = sorted(range(len(n_rows)), key=lambda i: n_rows[i] < dataset.size_of_both_chunks)
    n_long = sum(rows >= dataset.size_of_both_chunks for rows in n_rows)
    if n_long < len(order):
        for kind in ("series", "past_covariates", "future_covariates", "sample_weight"):
            given = getattr(dataset, kind)
            if given is not None:
                setattr(dataset, kind, [given[i] for i in order])
        dataset.ideal_nr_samples = n_long * dataset.max_samples_per_ts
    return order


def warn_of_short_series(dataset: TorchTrainingDataset, names: Sequence[str]) -> list[int]:
    """Say which series have no window to learn from.

    Parameters
    ----------
    dataset : TorchTrainingDataset
    names : sequence of str
        Of the series that have weights of their own.

    Returns
    -------
    list of int
        Numbers of those among them.
    """
    if not isinstance(dataset, SequentialTorchTrainingDataset):
        return []
    width = dataset.size_of_both_chunks
    lengths = [len(one) for one in dataset.series]
    if not isinstance(dataset, NumberedTraining):
        n_short = sum(length < width for length in lengths)
        if n_short:
            warnings.warn(
                f"{n_short} of {len(lengths)} series are shorter than a window of {width} rows, "
                "and nothing is learned from them. Give more rows or choose shorter chunks.",
                stacklevel=2,
            )
        return []
    longest: dict[int, int] = {}
    for number, length in zip(dataset.numbers, lengths, strict=True):
        longest[number] = max(longest.get(number, 0), length)
    numbers = [number for number, length in longest.items() if length < width]
    if numbers:
        short = [names[number] for number in numbers]
        warnings.warn(
            f"The series {', '.join(map(repr, short[:5]))}{' ...' if len(short) > 5 else ''} "
            f"({len(short)} of {len(longest)}) are shorter than a window of {width} rows, and have "
            "weights that they share with others. Give more rows or choose shorter chunks.",
            stacklevel=2,
        )
    return numbers


@torch.no_grad()
def give_common_weights(module: Any, numbers: Collection[int]) -> None:
    """Give series that gradients saw no window of what is common to the weights of the others.

    Parameters
    ----------
    module : ForecastingModule
        Trained, with weights by series.
    numbers : collection of int
        Of some of the series.
    """
    network = module.network
    others = [number for number in range(network.n_series) if number not in numbers]
    at_zero = begin_at_zero(module, network)
    tables = tables_of_weights(network, module.network_arguments)
    for name, value in network.state_dict().items():
        if name in tables:
            rows = value.unflatten(0, (network.n_series, -1))
            rows[list(numbers)] = row_before_any(name, rows[others], at_zero)
