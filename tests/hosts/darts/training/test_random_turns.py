"""Fits and forecasts of several threads, and torch's one state of random numbers."""

import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood

from hyperforecast.darts import BackboneModel, HyperforecastModel, MoLAModel
from hyperforecast.darts.training.random_turns import FairLock, give_way, random_turn, turn_lent
from tests.hosts.darts.every_model import H, L, each_model_on_any_backbone

DROPOUT = {"backbone": "patchtst", "backbone_kwargs": {"d_model": 8, "n_heads": 2, "dropout": 0.2}}


def fitted(
    model_class: type[HyperforecastModel], series: TimeSeries, **options: Any
) -> HyperforecastModel:
    model = model_class(L, H, **{"n_epochs": 3, "random_state": 0, **DROPOUT, **options})
    return model.fit(series, val_series=series)


def weights(model: HyperforecastModel) -> list[torch.Tensor]:
    return [w for w in model.network.state_dict().values() if torch.is_tensor(w)]


def in_threads(work: Callable[[int], Any], n_threads: int = 3) -> list[Any]:
    with ThreadPoolExecutor(n_threads) as pool:
        return list(pool.map(work, range(n_threads)))


@each_model_on_any_backbone
def test_fits_in_threads_equal_serial_ones(model_class: type, series: TimeSeries) -> None:
    expected = weights(fitted(model_class, series))
    state, state_of_numpy = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    for found in in_threads(lambda _: weights(fitted(model_class, series))):
        assert all(map(torch.equal, found, expected))
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], state_of_numpy)  # noqa: NPY002


def test_filters_of_warnings_are_as_before(series: TimeSeries) -> None:
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        in_threads(lambda _: fitted(BackboneModel, series))
    assert [str(one.message) for one in caught] == []
    assert list(warnings.filters) == before


def test_of_different_models_in_threads(series: TimeSeries) -> None:
    def fit(seed: int) -> list[torch.Tensor]:
        model_class = MoLAModel if seed % 2 else BackboneModel
        return weights(fitted(model_class, series, random_state=seed))

    expected = [fit(seed) for seed in range(4)]
    for one, other in zip(in_threads(fit, 4), expected, strict=True):
        assert all(map(torch.equal, one, other))


@pytest.mark.parametrize("options", [{"num_samples": 50}, {"mc_dropout": True, "num_samples": 5}])
def test_samples_in_threads_equal_serial_ones(series: TimeSeries, options: dict) -> None:
    models = [
        fitted(BackboneModel, series, likelihood=GaussianLikelihood(), random_state=seed)
        for seed in range(3)
    ]

    def forecast(i: int) -> np.ndarray:
        return np.stack(
            [models[i].predict(H, random_state=i, **options).all_values() for _ in range(5)]
        )

    expected = [forecast(i) for i in range(3)]
    state = torch.get_rng_state()
    np.testing.assert_array_equal(in_threads(forecast), expected)
    assert torch.equal(torch.get_rng_state(), state)


def test_constructing_leaves_the_state(series: TimeSeries) -> None:
    state = torch.get_rng_state()
    BackboneModel(L, H, backbone="rmlp", backbone_kwargs={"d_model": 7}, random_state=3)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_forecast_waits_for_a_step_and_not_for_the_training(series: TimeSeries) -> None:
    other = fitted(BackboneModel, series)
    started, stop = threading.Event(), threading.Event()

    class Endless(torch.nn.MSELoss):
        def forward(self, *args: torch.Tensor) -> torch.Tensor:
            started.set()
            if stop.is_set():
                raise InterruptedError
            return super().forward(*args)

    def train() -> None:
        with pytest.raises(InterruptedError):
            fitted(BackboneModel, series, loss_fn=Endless(), n_epochs=100_000)

    with ThreadPoolExecutor(1) as pool:
        training = pool.submit(train)
        started.wait()
        try:
            assert len(other.predict(H)) == H
            assert not training.done()
        finally:
            stop.set()
        training.result()


def test_numbers_drawn_outside_during_a_fit_are_kept() -> None:
    """What another part of a program draws while a fit gives way is not drawn again."""
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    with random_turn():
        torch.manual_seed(7)
        inside = [torch.rand(1)]
        with turn_lent():
            first = torch.rand(2)
        inside.append(torch.rand(1))
    torch.testing.assert_close(torch.cat([first, torch.rand(2)]), expected)
    torch.manual_seed(7)
    torch.testing.assert_close(torch.cat(inside), torch.rand(2))


def test_turns_nest_and_outside_nothing_is_lent() -> None:
    with turn_lent(), random_turn(), random_turn():
        give_way()
    with random_turn():
        pass


def test_turns_are_in_order() -> None:
    lock, order = FairLock(), []
    lock.acquire()

    def ask(name: int) -> None:
        lock.acquire()
        order.append(name)
        lock.release()

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(3)]
    for n_before, thread in enumerate(threads):
        thread.start()
        while len(lock._waiting) <= n_before:
            time.sleep(0.001)
    assert lock.wanted
    lock.release()
    lock.acquire()  # asks again at once, and is the last
    assert order == [0, 1, 2]
    lock.release()
    assert not lock.wanted
