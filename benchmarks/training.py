"""Training for the benchmarks: the Darts models, as a user trains them."""

import tempfile
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from pytorch_lightning.callbacks import Callback, EarlyStopping

from benchmarks.protocol import Dataset
from benchmarks.timing import Clock


class Training(NamedTuple):
    """A trained model and what its training took."""

    model: Any
    epochs: int
    start: Clock
    taken: Clock


def train(
    make: Callable[..., TorchForecastingModel],
    dataset: Dataset,
    lookback: int,
    horizon: int,
    *,
    seed: int,
    patience: int,
    callbacks: Sequence[Callback] = (),
    fit_options: dict[str, Any] | None = None,
    **options: Any,
) -> Training:
    """Train until the validation loss has not fallen for ``patience`` epochs; take the best.

    Parameters
    ----------
    make : type or callable
        Makes a model of Darts from lookback, horizon and options.
    dataset : Dataset
    lookback, horizon : int
    seed : int
        The model's ``random_state``.
    patience : int
        Epochs without a lower validation loss before training stops.
    callbacks : sequence of Callback, optional
        What looks on.
    fit_options : dict, optional
        Further arguments of ``fit``.
    **options
        Further arguments of the model. What is not given is the model's default.

    Returns
    -------
    Training
        The model has the weights of the epoch with the lowest validation loss. Checkpoints were
        written to a temporary folder that is gone.
    """
    trainer = {"callbacks": [*callbacks, EarlyStopping("val_loss", patience=patience)]}
    trainer.update(options.pop("pl_trainer_kwargs", {}))
    series, validation = dataset.series("train"), dataset.series("validation", lookback)
    with tempfile.TemporaryDirectory() as folder:
        model = make(
            lookback,
            horizon,
            random_state=seed,
            save_checkpoints=True,
            work_dir=folder,
            model_name="benchmark",
            pl_trainer_kwargs=trainer,
            **options,
        )
        start = Clock.now()
        model.fit(series, val_series=validation, load_best=True, **(fit_options or {}))
        taken = Clock.now().since(start)
    return Training(model, model.trainer.current_epoch, start, taken)
