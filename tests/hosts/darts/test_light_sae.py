"""What is special about LightSAE as a Darts model."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models import GaussianLikelihood

from hyperforecast.darts import BackboneModel, HNMVTSModel, LightSAEModel
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.nn import LowRankPool

L, H = 12, 4


def make(model_class: type[HyperforecastModel] = LightSAEModel, **kwargs: Any) -> Any:
    defaults: dict[str, Any] = {
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 8},
        "n_epochs": 2,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
    }
    return model_class(L, H, **{**defaults, **kwargs})


def losses(model: Any, series: TimeSeries, **kwargs: Any) -> tuple[float, float]:
    """Train and validation loss after the last epoch."""
    model.fit(series, val_series=series, **kwargs)
    metrics = model.trainer.callback_metrics
    return metrics["train_loss"].item(), metrics["val_loss"].item()


def mse(model: Any, series: TimeSeries) -> float:
    """Error of a model over all windows of a series."""
    values = torch.as_tensor(np.array(series.values()))
    windows = values.unfold(0, L + H, 1).transpose(1, 2)
    with torch.no_grad():
        y = model.network.eval()(windows[:, :L]).squeeze(-1)
    return (y - windows[:, L:]).square().mean().item()


class TestTraining:
    @pytest.mark.parametrize("variant", ["shared", "full", "light"])
    def test_starts_at_the_plain_backbone(self, variant: str, series: TimeSeries) -> None:
        still = {"optimizer_cls": torch.optim.SGD, "optimizer_kwargs": {"lr": 0.0}, "n_epochs": 1}
        plain = make(BackboneModel, **still).fit(series)
        model = make(variant=variant, **still).fit(series)
        np.testing.assert_allclose(
            model.predict(H).values(), plain.predict(H).values(), rtol=1e-5, atol=1e-6
        )

    def test_shared_is_the_plain_backbone(self, series: TimeSeries) -> None:
        plain = make(BackboneModel).fit(series)
        model = make(variant="shared").fit(series)
        np.testing.assert_array_equal(model.predict(H).values(), plain.predict(H).values())

    @pytest.mark.parametrize("variant", ["full", "light"])
    def test_channels_part(self, variant: str, series: TimeSeries) -> None:
        model = make(variant=variant).fit(series)
        weight, _ = model.network.backbone.embedding.generate()
        assert (weight[0] - weight[1]).abs().max() > 1e-4

    def test_gates_start_from_the_training_series_correlation(self, make_series: Callable) -> None:
        series = make_series(200, n_channels=2, noise=0.0)
        twice = series.stack(series.with_columns_renamed(["a", "b"], ["c", "d"]))
        still = {"optimizer_cls": torch.optim.SGD, "optimizer_kwargs": {"lr": 0.0}, "n_epochs": 1}
        gates = make(gate_init="correlation", **still).fit(twice).network.channel_gates()
        torch.testing.assert_close(gates[:2], gates[2:], atol=1e-4, rtol=0)
        assert (gates[0] - gates[1]).abs().max() > 0.01

    def test_penalty_is_part_of_the_training_loss_only(self, series: TimeSeries) -> None:
        still = {"optimizer_cls": torch.optim.SGD, "optimizer_kwargs": {"lr": 0.0}, "n_epochs": 1}
        without, val_without = losses(make(**still), series)
        model = make(load_balancing=2.0, **still)
        with_it, val_with_it = losses(model, series)
        penalty = model.network.penalty().item()
        assert penalty > 0.01
        assert with_it == pytest.approx(without + penalty, rel=1e-5)
        assert val_with_it == val_without

    def test_penalty_beside_a_likelihood(self, series: TimeSeries) -> None:
        still = {
            "optimizer_cls": torch.optim.SGD,
            "optimizer_kwargs": {"lr": 0.0},
            "n_epochs": 1,
            "likelihood": GaussianLikelihood(),
        }
        without, _ = losses(make(**still), series)
        model = make(load_balancing=2.0, **still)
        with_it, _ = losses(model, series)
        assert with_it == pytest.approx(without + model.network.penalty().item(), rel=1e-4)

    def test_penalty_evens_the_load_out(self, series: TimeSeries) -> None:
        def load(load_balancing: float) -> float:
            model = make(
                load_balancing=load_balancing,
                n_components=3,
                n_epochs=20,
                random_state=1,  # a start at which the load is uneven
                optimizer_kwargs={"lr": 0.05},
            ).fit(series)
            return (model.network.channel_gates().mean(dim=0) - 1 / 3).abs().max().item()

        assert load(10.0) < 0.01
        assert load(0.0) > 0.05

    def test_opposite_channels_need_embeddings_of_their_own(self) -> None:
        """Half of the channels go on as they were, half turn round: one map cannot do both."""
        random = np.random.default_rng(0)
        steps = np.arange(600)
        values = np.empty((600, 4))
        for i in range(4):
            phase = random.uniform(0, 2 * np.pi)
            square = np.sign(np.sin(2 * np.pi * steps / (L + H) + phase))
            values[:, i] = square if i < 2 else square * (1 - 2 * (steps // 8 % 2))
        values += 0.1 * random.normal(size=values.shape)
        series = TimeSeries.from_values(values.astype(np.float32))
        options = {"n_epochs": 15, "optimizer_kwargs": {"lr": 3e-3}, "backbone": "rlinear"}
        errors = {
            variant: mse(make(variant=variant, **options).fit(series), series)
            for variant in ("shared", "full", "light")
        }
        assert errors["light"] < 0.8 * errors["shared"]
        assert errors["full"] < 0.8 * errors["shared"]


class TestUse:
    @pytest.mark.parametrize("variant", ["full", "light"])
    def test_saved_and_loaded(self, variant: str, series: TimeSeries, tmp_path: Path) -> None:
        model = make(variant=variant).fit(series)
        model.save(str(tmp_path / "model.pt"))
        loaded = LightSAEModel.load(str(tmp_path / "model.pt"))
        np.testing.assert_array_equal(loaded.predict(H).values(), model.predict(H).values())

    def test_folded_network_forecasts_the_same(self, series: TimeSeries) -> None:
        model = make().fit(series)
        folded = model.network.fold().eval()
        assert not any(isinstance(module, LowRankPool) for module in folded.modules())
        x = torch.as_tensor(np.array(series[-L:].values()))[None]
        with torch.no_grad():
            y = folded(x)[0, ..., 0]
        np.testing.assert_allclose(y, model.predict(H).values(), rtol=1e-5, atol=1e-5)

    def test_channels_go_by_name(self, series: TimeSeries) -> None:
        model = make().fit(series)
        forecast = model.predict(H)
        reordered = model.predict(H, series=series[["c", "a", "b"]])
        assert list(reordered.components) == ["c", "a", "b"]
        np.testing.assert_allclose(
            reordered[["a", "b", "c"]].values(), forecast.values(), rtol=1e-5, atol=1e-6
        )

    def test_fine_tuning_of_the_gates_alone(self, series: TimeSeries, tmp_path: Path) -> None:
        trained = make().fit(series)
        trained.save(str(tmp_path / "model.pt"))
        tuned = make(enable_finetuning={"unfreeze": ["*light-sae.context*"]})
        tuned.load_weights(str(tmp_path / "model.pt"))
        tuned.fit(series)
        before, after = trained.network.state_dict(), tuned.network.state_dict()
        moved = [name for name in before if not torch.equal(before[name], after[name])]
        assert moved == ["backbone.embedding.terms.light-sae.context.weight"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "lite"}, "Unknown variant 'lite'. Did you mean 'light'?"),
        ({"variant": "full", "rank": 3}, "rank would have no effect with variant='full'"),
        ({"n_components": 0}, "n_components must be a whole number >= 1; got 0."),
        (
            {"backbone": "dlinear", "backbone_kwargs": None},
            "The backbone 'dlinear' has no embedding for LightSAE to take the place of. Give "
            "embedding_dim",
        ),
        ({"embedding_dim": 8}, "the backbone 'rmlp' has its own. Leave embedding_dim out"),
        ({"solver": "exact"}, "solver"),
    ],
)
def test_errors_come_with_the_constructor(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**options)


@pytest.mark.parametrize(
    ("model_class", "options"),
    [(LightSAEModel, {"rank": 1, "n_components": 2, "batch_size": 2}), (HNMVTSModel, {})],
)
def test_validation_sees_the_weights_of_its_epoch(
    model_class: type, options: dict, series: TimeSeries
) -> None:
    """What a validation keeps is of no use after the next step of training."""
    model = make(model_class, **options, n_epochs=3, optimizer_kwargs={"lr": 1e-2})
    _, loss = losses(model, series)
    anew = copy.deepcopy(model)  # which keeps nothing
    np.testing.assert_array_equal(
        model.predict(H).values(), anew.predict(H, series=series).values()
    )
    assert loss == pytest.approx(mse(anew, series), rel=1e-4)
