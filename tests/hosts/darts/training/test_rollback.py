"""A training that fails or is interrupted leaves the model as it was, weights and all."""

import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood
from pytorch_lightning.callbacks import Callback

from hyperforecast.darts import HNMVTSModel, HyperforecastModel, MoLAModel
from tests.hosts.darts.every_model import H, L, each_model


class Fail(Callback):
    """Raise after some batches."""

    error: BaseException | None = None

    def on_train_batch_end(self, *args: Any) -> None:
        if Fail.error is not None:
            raise Fail.error


@pytest.fixture(autouse=True)
def harmless() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGINT)
    yield
    Fail.error = None
    signal.signal(signal.SIGINT, handler)  # Lightning ignores further interrupts


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **options: Any) -> HyperforecastModel:
    trainer = {"callbacks": [Fail()]}
    options = {"n_epochs": 2, "random_state": 0, "pl_trainer_kwargs": trainer, **options}
    return model_class(L, H, **options)


def state(model: HyperforecastModel) -> dict[str, torch.Tensor]:
    assert model.model is not None
    items = model.model.state_dict().items()
    return {name: value.clone() for name, value in items if torch.is_tensor(value)}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@each_model
@pytest.mark.parametrize("error", [RuntimeError("out of luck"), KeyboardInterrupt()])
def test_weights_of_a_second_fit(
    model_class: type, error: BaseException, series: TimeSeries
) -> None:
    model = make(model_class, likelihood=GaussianLikelihood()).fit(series)
    network, before = model.network, state(model)
    forecast = model.predict(H, num_samples=3, random_state=1).all_values()
    Fail.error = error
    with pytest.raises((type(error), SystemExit)):  # Lightning makes an exit of Ctrl-C
        model.fit(series[:60] * 5)
    Fail.error = None
    assert same(state(model), before)
    assert model.network is network
    again = model.predict(H, num_samples=3, random_state=1).all_values()
    np.testing.assert_array_equal(again, forecast)
    # and what follows is what would have followed
    assert same(
        state(model.fit(series)),
        state(make(model_class, likelihood=GaussianLikelihood()).fit(series).fit(series)),
    )


def test_of_the_second_stage(series: TimeSeries) -> None:
    model = make(MoLAModel, n_segments=2).fit(series)
    before = state(model)
    fails = [None, RuntimeError("late")]

    class FailLate(Callback):
        def on_train_start(self, trainer: Any, module: Any) -> None:
            if fails[0] and module.stage == "adapters":
                raise fails[0]

    model.trainer_params["callbacks"] = [FailLate()]
    fails.reverse()
    with pytest.raises(RuntimeError, match="late"):
        model.fit(series + 1)
    assert same(state(model), before)
    assert all(parameter.requires_grad for parameter in model.network.parameters())


def test_settings_of_data_of_another_type(series: TimeSeries) -> None:
    """A first fit that fails does not decide the precision of the next."""
    model = make()
    Fail.error = RuntimeError("out of luck")
    with pytest.raises(RuntimeError, match="out of luck"):
        model.fit(series.astype(np.float64))
    Fail.error = None
    assert model.fit(series).model.dtype == torch.float32


def test_of_weighted_samples(series: TimeSeries) -> None:
    """Darts takes the reduction off the loss for them, until training ends."""
    model = make().fit(series)
    Fail.error = RuntimeError("out of luck")
    with pytest.raises(RuntimeError, match="out of luck"):
        model.fit(series, sample_weight="linear")
    Fail.error = None
    assert model.model.train_criterion.reduction == "mean"
    expected = make().fit(series).fit(series)
    assert same(state(model.fit(series)), state(expected))


def test_a_checkpoint_is_resumed_after_a_failure(series: TimeSeries, tmp_path: Any) -> None:
    """With the state of the optimizer in it."""
    where = {"work_dir": str(tmp_path), "model_name": "run", "save_checkpoints": True}
    make(pl_trainer_kwargs=None, **where).fit(series)
    [file] = (tmp_path / "run" / "checkpoints").iterdir()
    file.rename(file.with_name("kept.ckpt"))

    def resumed() -> HyperforecastModel:
        return HNMVTSModel.load_from_checkpoint("run", str(tmp_path), "kept.ckpt")

    expected = state(resumed().fit(series, epochs=4))
    model = resumed()
    callbacks = model.trainer_params["callbacks"]
    model.trainer_params["callbacks"] = [*callbacks, Fail()]
    Fail.error = RuntimeError("out of luck")
    with pytest.raises(RuntimeError, match="out of luck"):
        model.fit(series, epochs=4)
    Fail.error = None
    model.trainer_params["callbacks"] = callbacks
    assert same(state(model.fit(series, epochs=4)), expected)
