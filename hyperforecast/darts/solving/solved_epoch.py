"""What Lightning sees of a model whose weights were solved for: one epoch without a gradient."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any

import pytorch_lightning as pl
import torch
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.data.torch_datasets._data_module import TorchDataModule
from darts.utils.data.torch_datasets.utils import TorchTrainingBatch
from torch import Tensor

from hyperforecast.darts.inputs.observed_series import n_windows, observed_series
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.solving.quadratic_loss import mean_squared_error
from hyperforecast.nn.entities import n_rows
from hyperforecast.nn.exact import EMBEDDING_STARTS, LINEAR_NORMS, ObservedSeries
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.one_map import as_one_map, maps_linearly
from hyperforecast.nn.windows import WindowCutter, Windows

MAX_BATCH = 2**22
"""Number of values in the windows of a batch."""

MAX_PIECE = 2**20
"""Number of values of windows that are forecast at once: few enough to stay in the cache."""

MAX_TRAINING_WINDOWS = 256
"""Number of training windows, evenly spread, of which the loss is taken."""


class WindowBatches(Sequence[TorchTrainingBatch]):
    """Windows of a dataset in large batches, those of a series cut out of it at once.

    Parameters
    ----------
    dataset : SequentialTorchTrainingDataset
    dtype : torch.dtype
        Of the batches.
    max_windows : int, optional
        Take no more windows than this, evenly spread; all if not given.
    """

    def __init__(
        self,
        dataset: SequentialTorchTrainingDataset,
        dtype: torch.dtype,
        max_windows: int | None = None,
    ) -> None:
        self.cutter = window_cutter(dataset, dtype)
        counts = [n_windows(dataset, number) for number in range(len(dataset.series))]
        step = 1 if max_windows is None else -(-sum(counts) // max_windows)
        passed = [before - count for before, count in zip(accumulate(counts), counts, strict=True)]
        taken = [i for i, count in enumerate(counts) if -passed[i] % step < count]
        observed = observed_series(dataset, torch.device("cpu"), numbers=taken)
        size = max(1, MAX_BATCH // (observed[0].n_channels * self.cutter.width))
        self._blocks: list[list[tuple[ObservedSeries, Tensor]]] = []
        room = 0  # how many more windows the last batch takes
        for number, one in zip(taken, observed, strict=True):
            starts = self.cutter.starts(one)[-passed[number] % step :: step]
            while len(starts):
                if not room:
                    self._blocks.append([])
                    room = size
                self._blocks[-1].append((with_number(one), starts[:room]))
                starts, room = starts[room:], room - len(starts[:room])

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, number: Any) -> Any:
        blocks = self._blocks[number]
        cut = [self.cutter.cut(*some) for some in blocks]
        windows = joined(cut)
        future = windows.future_covariates
        phases = None
        if windows.phase is not None:  # as the last of the future covariates
            lookback, horizon = windows.past_target, windows.future_target
            phases, ahead = (
                windows.phase[:, i, None, None].expand(-1, one.shape[1], 1).to(one)
                for i, one in enumerate((lookback, horizon))
            )
            future = ahead if future is None else torch.cat([future, ahead], dim=2)
        return TorchTrainingBatch(
            past_target=windows.past_target,
            past_covariates=windows.past_covariates,
            historic_future_covariates=phases,
            future_covariates=future,
            static_covariates=windows.static_covariates,
            future_target=torch.cat(
                [
                    self.cutter.observed_target(series, starts, one)
                    for (series, starts), one in zip(blocks, cut, strict=True)
                ]
            ),
            sample_weight=windows.weight,
        )


def with_number(series: ObservedSeries) -> ObservedSeries:
    """Return a series with its number behind the static covariates, where series are told apart."""
    if series.channels is None:
        return series
    number = series.channels.new_full((series.n_channels, 1), int(series.channels[0]))
    number = (number // series.n_channels).to(series.target)
    given = [] if series.static is None else [series.static]
    return replace(series, static=torch.cat([*given, number], dim=1))


def joined(parts: Sequence[Windows]) -> Windows:
    """Put windows of several series into one batch."""
    if len(parts) == 1:
        return parts[0]
    together: list[Any] = [
        None if of[0] is None else torch.cat(of) for of in zip(*parts, strict=True)
    ]
    return Windows(*together)


def window_cutter(dataset: SequentialTorchTrainingDataset, dtype: torch.dtype) -> WindowCutter:
    """Return what cuts the windows of a dataset out of its series."""
    lookback, horizon = dataset.input_chunk_length, dataset.output_chunk_length
    return WindowCutter(lookback, horizon, dataset.shift - lookback, dtype)


class SolvedData(TorchDataModule):
    """The data of a fit whose weights are known: what is needed for its losses.

    The loss of training is that of windows evenly spread over the training rows, the loss of
    validation that of every window.

    Parameters
    ----------
    datamodule : TorchDataModule
    dtype : torch.dtype
        Of the network.
    """

    def __init__(self, datamodule: TorchDataModule, dtype: torch.dtype) -> None:
        super().__init__(datamodule.train_dataset, datamodule.val_dataset)
        self.dtype = dtype
        self.knows_loss = False

    def train_dataloader(self) -> Any:
        """Return batches of training windows."""
        return WindowBatches(self.train_dataset, self.dtype, MAX_TRAINING_WINDOWS)

    def val_dataloader(self) -> Any:
        """Return batches of validation windows; none where there are none.

        One window stands for all where the loss is known.
        """
        if self.val_dataset is None:
            return []
        return WindowBatches(self.val_dataset, self.dtype, 1 if self.knows_loss else None)


def for_losses(network: ForecastingNetwork) -> ForecastingNetwork:
    """Return a network that forecasts as another does, up to rounding, in less time."""
    n_maps = n_rows(network.weights_by, network.n_channels, network.n_series)
    head: Any = network.head
    n_weights = n_maps * math.prod(head.weight.shape[-2:])
    if maps_linearly(network) and n_weights <= HyperLinear.max_generated:
        return as_one_map(network).eval()
    return network


def in_pieces(network: ForecastingNetwork, past_target: Tensor, **others: Any) -> Tensor:
    """Forecast some windows after others, which takes less memory: (B, L, C) -> (B, H, C, P).

    Parameters
    ----------
    network : ForecastingNetwork
    past_target : Tensor, shape (B, L, C)
    **others
        As the network takes them; tensors have the windows on their first axis.
    """
    size = max(1, MAX_PIECE // past_target[0].numel())
    pieces = []
    for first in range(0, len(past_target), size):
        some = slice(first, first + size)
        given = {k: v[some] if isinstance(v, Tensor) else v for k, v in others.items()}
        pieces.append(network(past_target[some], **given))
    return torch.cat(pieces)


def loss_by_moments(
    trainer: pl.Trainer,
    module: ForecastingModule,
    network: ForecastingNetwork,
    dataset: SequentialTorchTrainingDataset | None,
) -> Tensor | None:
    """Return the loss of all windows of a dataset, ``None`` where single forecasts are needed.

    Parameters
    ----------
    trainer : Trainer
    module : ForecastingModule
    network : ForecastingNetwork
        That forecasts in the place of the module's, see :func:`for_losses`.
    dataset : SequentialTorchTrainingDataset, optional
        To validate on.
    """
    if dataset is None or network is module.network or not is_squared_error(module):
        return None
    limit = trainer.limit_val_batches  # a share, or a number of batches
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it elsewhere
    if limit != 1.0 or isinstance(limit, int) or any(map(sees_batches, callbacks)):
        return None
    series = observed_series(dataset, torch.device("cpu"))
    loss = mean_squared_error(network, series, window_cutter(dataset, module.dtype))
    return None if loss is None else torch.tensor(loss, dtype=module.dtype, device=module.device)


def is_squared_error(module: ForecastingModule) -> bool:
    """Say whether the mean squared error is all that validation takes of forecasts."""
    return module.likelihood is None and not len(module.val_metrics)


def sees_batches(callback: pl.Callback) -> bool:
    """Say whether a callback is given the batches of a validation."""
    hooks = ("on_validation_batch_start", "on_validation_batch_end")
    return any(getattr(type(callback), hook) is not getattr(pl.Callback, hook) for hook in hooks)


@contextmanager
def solved_epoch(
    trainer: pl.Trainer,
    module: ForecastingModule,
    setting: Mapping[str, float],
    data: SolvedData,
) -> Iterator[None]:
    """Let a trainer run through its hooks once, over weights that stay as they are.

    Callbacks, loggers and checkpoints see a fit of one epoch. The model counts as trained for
    none: a further epoch by gradients is its first.

    Parameters
    ----------
    trainer : Trainer
    module : ForecastingModule
        With the weights that were solved for.
    setting : mapping of float
        Logged beside the losses.
    data : SolvedData
        What it runs on.
    """
    network = for_losses(module.single_network)
    loop = trainer.fit_loop
    max_epochs, loop.max_epochs = loop.max_epochs, 1
    # batches tried before the first epoch would save nothing: this is the only one
    sanity_steps, trainer.num_sanity_val_steps = trainer.num_sanity_val_steps, 0
    module.solved_setting = setting
    module.solved_loss = loss_by_moments(trainer, module, network, data.val_dataset)
    data.knows_loss = module.solved_loss is not None
    try:
        with module.using(partial(in_pieces, network)):
            yield
    finally:
        module.solved_setting = module.solved_loss = None
        module.network.train(module.training)
        loop.max_epochs = max_epochs
        trainer.num_sanity_val_steps = sanity_steps
        loop.epoch_progress.reset()


def setting_metrics(report: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return the setting selected in numbers, for what logs numbers alone.

    Parameters
    ----------
    report : iterable of mapping
        See :func:`hyperforecast.darts.solving.exact.report`. The instance norm is given by its
        place among :data:`~hyperforecast.nn.exact.LINEAR_NORMS`, what the embedding is
        made of by that among :data:`~hyperforecast.nn.exact.EMBEDDING_STARTS`.
    """
    chosen = [row for row in report if row["chosen"]]
    if not chosen:
        return {}
    row = {
        **chosen[-1],
        "instance_norm": LINEAR_NORMS.index(chosen[-1]["instance_norm"]),
        "embedding_start": list(EMBEDDING_STARTS).index(chosen[-1]["embedding_start"]),
    }
    words = ("chosen", "periods")
    values = {f"solver_{name}": float(value) for name, value in row.items() if name not in words}
    return {name: value for name, value in values.items() if math.isfinite(value)}
