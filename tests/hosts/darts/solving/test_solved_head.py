"""Heads that are solved for after training by gradients, as a Darts user sees it."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood, QuantileRegression
from torch import Tensor, nn

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperforecastModel,
    HyperModel,
    LightSAEModel,
    MoLAModel,
)
from hyperforecast.darts.centred_quantiles import CentredQuantiles
from hyperforecast.darts.solving.solved_head import held_back
from tests.hosts.darts.every_model import H, L, each_model

SMALL = {
    "lstm": {"d_model": 4},
    "tcn": {"d_model": 4},
    "rmlp": {"d_model": 4},
    "itransformer": {"d_model": 4, "n_heads": 2, "d_ff": 4},
    "patchtst": {"d_model": 4, "n_heads": 2, "d_ff": 4},
}
OUTPUTS = ("head.", "past_covariate_map.", "static_covariate_map.", "future_covariate_map.")


def make(model_class: type[HyperforecastModel] = BackboneModel, **kwargs: Any) -> Any:
    given: dict[str, Any] = {
        "solver": "adam+exact",
        "n_epochs": 1,
        "random_state": 0,
        "batch_size": 64,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
        **kwargs,
    }
    defaults = {option.name: option.default for option in model_class.constructor_options()}
    backbone = given.get("backbone", defaults["backbone"])
    if backbone in SMALL:
        given.setdefault("backbone_kwargs", SMALL[backbone])
    return model_class(L, H, **given)


@pytest.fixture
def validation(make_series) -> TimeSeries:
    return make_series(80, seed=1)


def values(model: HyperforecastModel, series: TimeSeries) -> np.ndarray:
    return model.predict(H, series=series).values()


def before_head(model: HyperforecastModel) -> dict[str, Tensor]:
    state = model.network.state_dict()
    others = (*OUTPUTS, "gap_filler.")  # what stands in gaps may be told by any row
    return {name: value for name, value in state.items() if not name.startswith(others)}


@each_model
def test_every_model_solves_for_its_head_and_keeps_what_is_before_it(
    model_class, series, validation
) -> None:
    by_gradients = make(model_class, solver="adam").fit(series, val_series=validation)
    model = make(model_class).fit(series, val_series=validation)
    trained = before_head(by_gradients)
    for name, value in before_head(model).items():
        assert torch.equal(value, trained[name]), name
    report = model.solver_report
    assert report["ridge"].iloc[0] == np.inf
    last = report[report["chosen"]].iloc[-1]
    assert last["validation_mse"] < report["validation_mse"].iloc[0]
    assert not np.allclose(values(model, series), values(by_gradients, series), rtol=1e-3)


@each_model
def test_a_saved_model_forecasts_the_same_and_is_trained_on(
    model_class, series, tmp_path: Path
) -> None:
    model = make(model_class).fit(series)
    expected = values(model, series)
    path = str(tmp_path / "model.pt")
    model.save(path)
    loaded = model_class.load(path, pl_trainer_kwargs={"accelerator": "cpu"})
    np.testing.assert_array_equal(values(loaded, series), expected)
    assert loaded.solver_report.equals(model.solver_report)
    loaded.fit(series)
    assert not np.array_equal(values(loaded, series), expected)
    assert loaded.solver_report["ridge"].iloc[0] == np.inf


def test_without_a_step_along_gradients_the_head_of_the_start_is_solved_for(
    series, validation
) -> None:
    """A learning rate of zero trains nothing, and no epoch does not either."""
    still = make(backbone="rmlp", optimizer_kwargs={"lr": 0.0}, n_epochs=2)
    none = make(backbone="rmlp", n_epochs=0)
    for model in (still, none):
        model.fit(series, val_series=validation)
    np.testing.assert_array_equal(values(still, series), values(none, series))


def test_gradients_see_no_window_that_reaches_into_rows_to_choose_by(series) -> None:
    """Rows that only held-out targets lie in may have any values."""
    n_windows = len(series) - L - H + 1
    n_kept = n_windows - round(0.2 * n_windows) + L  # rows up to the first held-out target
    other = series.values().copy()
    other[n_kept:] += 5.0
    changed = TimeSeries.from_times_and_values(
        series.time_index, other.astype(np.float32), columns=series.components
    )
    one, two = (make(backbone="rmlp", n_epochs=2).fit(s) for s in (series, changed))
    for name, value in before_head(one).items():
        assert torch.equal(value, before_head(two)[name]), name
    assert not torch.equal(one.network.head.weight, two.network.head.weight)
    # a row earlier, and it is seen
    other[n_kept - 1] += 5.0
    changed = TimeSeries.from_times_and_values(
        series.time_index, other.astype(np.float32), columns=series.components
    )
    three = make(backbone="rmlp", n_epochs=2).fit(changed)
    assert any(not torch.equal(v, before_head(three)[n]) for n, v in before_head(one).items())


@pytest.mark.parametrize(
    ("lengths", "stride", "most"), [([60], 1, None), ([60, 45, 17], 2, None), ([60, 30], 1, 20)]
)
def test_the_windows_held_back_are_those_that_the_solver_holds_out(
    make_series, lengths, stride, most
) -> None:
    """Every sample of the dataset whose targets the held-out windows do not reach."""
    several = [make_series(n) for n in lengths]
    kept: list[float] = []

    class Recorded(BackboneModel):
        def _train(self, trainer, model, datamodule, load_best=False) -> None:
            with held_back(datamodule, self.model_params):
                dataset = datamodule.train_dataset
                samples = [dataset[number] for number in range(len(dataset))]
                kept.extend(float(one.future_target[-1, 0]) for one in samples)
            super()._train(trainer, model, datamodule, load_best)

    Recorded(L, H, solver="adam+exact", n_epochs=0, pl_trainer_kwargs={"accelerator": "cpu"}).fit(
        several, stride=stride, max_samples_per_ts=most
    )
    expected = set()
    for one in several:
        first = one.values()[:, 0]
        ends = range(len(one) - 1, L + H - 2, -stride)
        ends = list(ends)[: most or len(ends)]
        n_windows = min(len(one) - L - H + 1, 10**9 if most is None else (most - 1) * stride + 1)
        n_held_out = max(1, round(0.2 * n_windows))
        if n_windows - n_held_out >= H:
            # first row of a held-out target
            begin = len(one) - n_held_out - H + 1
            ends = [end for end in ends if end < begin]
        expected |= {float(first[end]) for end in ends}
    assert set(kept) == expected


def test_the_length_of_vectors_that_is_not_given_is_chosen(series) -> None:
    model = make(HNMVTSModel, backbone="rmlp").fit(series)
    report = model.solver_report
    assert set(report["channel_embedding_dim"]) == {0, 1, 3}
    chosen = report[report["chosen"]].iloc[-1]["channel_embedding_dim"]
    assert model.network.channel_embedding().shape == (3, chosen)
    assert model.network.terms("hn-mvts")[0].context.weight.shape == (3, chosen)


def test_dropout_stays_active_in_forecasts_of_a_network_that_was_made_anew(series) -> None:
    kwargs = {"backbone": "rmlp", "backbone_kwargs": {"d_model": 8, "dropout": 0.5}}
    model = make(HNMVTSModel, **kwargs).fit(series)
    assert model.network.channel_embedding().shape[1] != 1  # that of the trained network
    assert np.array_equal(values(model, series), values(model, series))
    draws = [model.predict(H, series=series, mc_dropout=True).values() for _ in range(2)]
    assert not np.array_equal(*draws)


def test_the_length_of_vectors_that_is_given_is_compared_with_none(series) -> None:
    model = make(HNMVTSModel, channel_embedding_dim=2).fit(series)
    assert set(model.solver_report["channel_embedding_dim"]) == {0, 2}


def test_a_second_fit_trains_on_and_solves_again(series, validation) -> None:
    model = make(HNMVTSModel, backbone="rmlp").fit(series, val_series=validation)
    once, trained = values(model, series), copy.deepcopy(before_head(model))
    model.fit(series, val_series=validation)
    assert not np.array_equal(values(model, series), once)
    assert any(not torch.equal(v, trained[n]) for n, v in before_head(model).items())


def test_a_backtest_solves_for_the_head_of_every_training(series) -> None:
    """And forecasts as a model that is trained on the same rows."""
    model = make(backbone="rmlp")
    start = len(series) - 2 * H
    forecasts = model.historical_forecasts(
        series, start=start, start_format="position", forecast_horizon=H, stride=H, retrain=True
    )
    alone = make(backbone="rmlp").fit(series[:start])
    np.testing.assert_allclose(
        alone.predict(H).values()[-1], forecasts.values()[0], rtol=1e-4, atol=1e-5
    )


def test_of_the_epochs_the_best_is_solved_for(series, validation, tmp_path: Path) -> None:
    kwargs = {
        "backbone": "rmlp",
        "n_epochs": 3,
        "optimizer_kwargs": {"lr": 1.0},
        "save_checkpoints": True,
        "work_dir": str(tmp_path),
    }
    trained = make(solver="adam", model_name="a", **kwargs)
    solved = make(model_name="b", **kwargs)
    for model in (trained, solved):
        model.fit(series, val_series=validation, load_best=True)
    for name, value in before_head(solved).items():
        assert torch.equal(value, before_head(trained)[name]), name
    assert not torch.equal(solved.network.head.weight, trained.network.head.weight)
    # saved, it is not the file of the epoch
    solved.save(str(tmp_path / "c.pt"))
    loaded = BackboneModel.load(str(tmp_path / "c.pt"), pl_trainer_kwargs={"accelerator": "cpu"})
    assert torch.equal(loaded.network.head.weight, solved.network.head.weight)


def test_covariates_a_shift_and_several_series(make_series) -> None:
    several = [make_series(90), make_series(70, seed=1)]
    covariates = [one["a"].with_columns_renamed("a", "x") for one in map(make_series, (100, 90))]
    model = HNMVTSModel(
        L,
        H,
        output_chunk_shift=2,
        backbone="rmlp",
        backbone_kwargs={"d_model": 4},
        solver="adam+exact",
        n_epochs=1,
        pl_trainer_kwargs={"accelerator": "cpu"},
    ).fit(several, past_covariates=covariates, future_covariates=covariates)
    report = model.solver_report
    assert report[report["chosen"]].iloc[-1]["validation_mse"] < report["validation_mse"].iloc[0]
    forecasts = model.predict(
        H, series=several, past_covariates=covariates, future_covariates=covariates
    )
    assert all(np.isfinite(one.values()).all() for one in forecasts)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"likelihood": GaussianLikelihood()}, "the likelihood GaussianLikelihood has other"),
        ({"loss_fn": nn.L1Loss()}, r"loss_fn=L1Loss\(\) is not the mean squared error"),
        ({"use_reversible_instance_norm": True}, "normalises outside of the network"),
        ({"enable_finetuning": {"freeze": ["head*"]}}, "says which weights are held still"),
        ({"solver_kwargs": {"embedding_steps": 2}}, "Unknown option in solver_kwargs"),
        ({"solver_kwargs": {"ridge": -1.0}}, "ridge must be positive"),
    ],
)
def test_what_rules_a_solved_head_out_is_said_before_training(kwargs, message) -> None:
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


@pytest.mark.parametrize("model_class", [LightSAEModel, MoLAModel])
def test_a_model_without_a_closed_form_has_the_two_solvers_that_it_can_have(model_class) -> None:
    with pytest.raises(ValueError, match="solver"):
        make(model_class, solver="exact")
    with pytest.raises(ValueError, match="solver_kwargs are options of"):
        make(model_class, solver="adam", solver_kwargs={"ridge": 1.0})


def test_sample_weights_are_refused_before_training(series) -> None:
    model = make()
    with pytest.raises(ValueError, match="sample_weight makes the steps of a window count"):
        model.fit(series, sample_weight="linear")
    assert model.model is None
    with pytest.raises(ValueError, match="val_sample_weight has no closed form"):
        make().fit(series, val_series=series, val_sample_weight="linear")


def test_equal_sample_weights_change_nothing(series) -> None:
    ones = series.with_values(np.full_like(series.values(), 2.0))
    weighted = make(n_epochs=0).fit(series, sample_weight=ones)
    plain = make(n_epochs=0).fit(series)
    np.testing.assert_array_equal(values(weighted, series), values(plain, series))


def test_adapters_alone_leave_the_base_and_so_the_head(series) -> None:
    model = make(MoLAModel, n_segments=2).fit(series)
    with pytest.raises(ValueError, match="would change its head"):
        model.fit(series, adapt_only=True)


def test_adapters_are_trained_before_the_head_is_solved_for(series, validation) -> None:
    """The base of the first stage is what it is without solving."""
    kwargs = {"adapters": "mola", "adapters_kwargs": {"n_segments": 2}, "backbone": "rmlp"}
    model = make(HyperModel, **kwargs).fit(series, val_series=validation)
    by_gradients = make(HyperModel, solver="adam", **kwargs).fit(series, val_series=validation)
    experts = dict(by_gradients.network.named_parameters())
    for name, value in model.network.named_parameters():
        assert torch.equal(value, experts[name]) == (name not in ("head.weight", "head.bias")), name


class TestQuantiles:
    """Around the forecast that was solved for, of its errors on rows held out."""

    @pytest.mark.parametrize("model_class", [BackboneModel, HNMVTSModel, LightSAEModel, MoLAModel])
    def test_the_middle_one_is_the_point_forecast(self, model_class, series) -> None:
        point = make(model_class, backbone="rmlp").fit(series)
        centred = make(
            model_class, backbone="rmlp", likelihood=CentredQuantiles([0.1, 0.5, 0.9])
        ).fit(series)
        found = forecast_quantiles(centred, series)
        np.testing.assert_array_equal(found[..., 1], values(point, series))
        assert (found[..., 0] <= found[..., 1]).all()
        assert (found[..., 1] <= found[..., 2]).all()

    @pytest.mark.parametrize("instance_norm", ["none", "revin-affine"])
    def test_they_are_those_of_the_errors_on_validation(
        self, instance_norm, series, validation
    ) -> None:
        levels = [0.2, 0.5, 0.8]
        model = make(
            backbone="rmlp", instance_norm=instance_norm, likelihood=QuantileRegression(levels)
        ).fit(series, val_series=validation)
        starts = range(L, len(validation) - H + 1)
        ahead = np.stack([validation.values()[t : t + H] for t in starts])
        found = np.stack([forecast_quantiles(model, validation[:t]) for t in starts])
        below = (ahead[..., None] < found).mean(axis=(0, 1, 2))
        # shrunk, and made wider by how few windows there are
        np.testing.assert_allclose(below, levels, atol=0.06)

    def test_too_few_rows_to_hold_any_out_still_have_some(self, series) -> None:
        model = make(backbone="rmlp", likelihood=QuantileRegression([0.1, 0.5, 0.9]))
        with pytest.warns(UserWarning, match="independent windows"):
            model.fit(series[: L + H + 1])
        found = forecast_quantiles(model, series)
        assert (np.diff(found, axis=-1) > 0).all()

    def test_they_are_saved(self, series, tmp_path) -> None:
        model = make(backbone="rmlp", likelihood=CentredQuantiles([0.1, 0.5, 0.9])).fit(series)
        model.save(str(tmp_path / "model.pt"))
        loaded = BackboneModel.load(str(tmp_path / "model.pt"))
        np.testing.assert_array_equal(
            forecast_quantiles(loaded, series), forecast_quantiles(model, series)
        )

    def test_training_goes_on_from_them(self, series) -> None:
        model = make(backbone="rmlp", likelihood=CentredQuantiles([0.1, 0.5, 0.9]))
        model.fit(series).fit(series)
        point = make(backbone="rmlp").fit(series).fit(series)
        np.testing.assert_array_equal(
            forecast_quantiles(model, series)[..., 1], values(point, series)
        )


def forecast_quantiles(model: HyperforecastModel, series: TimeSeries) -> np.ndarray:
    """Quantiles of the next H steps: (H, C, P)."""
    found = model.predict(H, series=series, predict_likelihood_parameters=True).values()
    return found.reshape(H, series.width, -1)
