"""Training for the benchmarks: the Darts models, as a user trains them."""

import tempfile
from typing import Any, NamedTuple

from pytorch_lightning.callbacks import EarlyStopping

from benchmarks.protocol import Dataset
from benchmarks.timing import Clock
from hyperforecast.darts import HyperforecastModel


class Training(NamedTuple):
    """A trained model and what its training took."""

    model: HyperforecastModel
    epochs: int
    seconds: float


def train(
    model_class: type[HyperforecastModel],
    dataset: Dataset,
    lookback: int,
    horizon: int,
    *,
    seed: int,
    patience: int,
    fit_options: dict[str, Any] | None = None,
    **options: Any,
) -> Training:
    """Train until the validation loss has not fallen for ``patience`` epochs; take the best.

    Parameters
    ----------
    model_class : type
    dataset : Dataset
    lookback, horizon : int
    seed : int
        The model's ``random_state``.
    patience : int
        Epochs without a lower validation loss before training stops.
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
    trainer = {"callbacks": [EarlyStopping("val_loss", patience=patience)]}
    trainer.update(options.pop("pl_trainer_kwargs", {}))
    with tempfile.TemporaryDirectory() as folder:
        model = model_class(
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
        model.fit(
            dataset.series("train"),
            val_series=dataset.series("validation", lookback),
            load_best=True,
            **(fit_options or {}),
        )
        seconds = Clock.now().since(start).wall
    return Training(model, model.trainer.current_epoch, seconds)
