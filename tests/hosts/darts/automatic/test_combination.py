"""Candidates of the automatic model that are added up."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries
from pandas.testing import assert_frame_equal

from hyperforecast.darts import AutoHyperModel
from hyperforecast.darts.automatic import candidates as candidates
from hyperforecast.darts.automatic import gradients as gradients
from hyperforecast.darts.automatic.candidates import Preset
from hyperforecast.darts.automatic.combination import Combination
from hyperforecast.nn.exact.settings.combination import chosen_shares
from tests.hosts.darts.automatic.test_gradients import made, threshold

L, H = 6, 2
LEVELS = (0.1, 0.5, 0.9)
OF_COMPARISON = ["fit_seconds", "forecast_seconds"]


def make(**arguments: Any) -> AutoHyperModel:
    trainer = {"accelerator": "cpu"}
    given = {"presets": "best", "random_state": 3, "quantiles": LEVELS, **arguments}
    return AutoHyperModel(L, H, pl_trainer_kwargs=trainer, **given)


@pytest.fixture(scope="module")
def series() -> TimeSeries:
    return made(threshold(360))


@pytest.fixture(scope="module")
def small_race() -> Any:
    """One backbone of few epochs, two seeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradients, "MAX_EPOCHS", 2)
        preset = Preset(("rmlp",), 1, n_seeds=2, combines=True)
        patch.setitem(candidates.PRESETS, "best", preset)
        yield


@pytest.fixture(scope="module")
def fitted(series: TimeSeries, small_race: None) -> AutoHyperModel:
    return make().fit(series[:-30])


def quantiles(model: AutoHyperModel, series: TimeSeries) -> np.ndarray:
    made = model.predict(H, series=series, predict_likelihood_parameters=True)
    return made.values().reshape(H, 2, 3)


class TestOfResiduals:
    def test_shares_are_those_of_the_exact_solver(self) -> None:
        residuals = list(torch.randn(3, 2, 40, 4, dtype=torch.float64))
        residuals[2] = 3 * residuals[2]
        rows = torch.stack([one.flatten() for one in residuals])
        shares = chosen_shares(rows @ rows.T / rows.shape[1])
        combination, total = Combination.of("abc", residuals)
        kept = shares > 0
        assert combination.members == [one for one, has in zip("abc", kept, strict=True) if has]
        assert combination.shares == pytest.approx(shares[kept].tolist())
        torch.testing.assert_close(total, torch.tensordot(shares, torch.stack(residuals), 1))

    def test_independent_errors_are_narrower_by_the_root_of_two(self) -> None:
        residuals = list(torch.randn(2, 3, 4000, 2))
        combination, _ = Combination.of("ab", residuals)
        assert combination.shares == pytest.approx([0.5, 0.5], abs=0.05)
        assert combination.spreads == pytest.approx([0.5**0.5] * 3, abs=0.03)

    def test_equal_errors_are_as_wide_as_they_were(self) -> None:
        residuals = torch.randn(3, 40, 2)
        combination, _ = Combination.of("ab", [residuals, residuals])
        assert combination.spreads == pytest.approx([1.0] * 3)

    def test_a_channel_without_errors_keeps_its_width(self) -> None:
        residuals = torch.randn(2, 40, 2) * torch.tensor([1.0, 0.0])[:, None, None]
        assert Combination.of("ab", [residuals, 2 * residuals])[0].spreads[1] == 1.0


class TestOfModels:
    def test_the_sum_is_chosen_where_it_gains(self, fitted: AutoHyperModel) -> None:
        board = fitted.leaderboard().set_index("candidate")
        assert board["chosen"].idxmax() == "combined"
        assert board["share"].sum() == pytest.approx(1.0)
        assert board["share"]["combined"] == 0.0
        assert {"rmlp, seed 1", "rmlp, generated, seed 1"} <= set(board.index)
        assert fitted.verdict.startswith("A sum (RMLP")

    def test_the_median_is_the_sum_of_what_the_members_forecast(
        self, fitted: AutoHyperModel, series: TimeSeries
    ) -> None:
        network, past = fitted.network, torch.from_numpy(series.values()[None, -L:])
        shares = sorted(share for share in fitted.leaderboard()["share"] if share)
        assert sorted(network.shares) == pytest.approx(shares)
        with torch.no_grad():
            each = [one(past)[0, ..., 1] for one in network.members]
        expected = sum(share * one for share, one in zip(network.shares, each, strict=True))
        found = quantiles(fitted, series)
        np.testing.assert_allclose(found[..., 1], expected, atol=1e-5)
        assert (np.diff(found, axis=2) > 0).all()

    def test_files_and_weights_and_copies(
        self, fitted: AutoHyperModel, series: TimeSeries, tmp_path: Path
    ) -> None:
        path, expected = str(tmp_path / "model.pt"), quantiles(fitted, series)
        fitted.save(path)
        other = make()
        other.load_weights(path)
        for one in (AutoHyperModel.load(path), other):
            np.testing.assert_array_equal(quantiles(one, series), expected)
            assert_frame_equal(one.leaderboard(), fitted.leaderboard())
            assert one.verdict == fitted.verdict
            assert_frame_equal(one.summary(), fitted.summary())

    def test_the_code_makes_it_again(
        self, fitted: AutoHyperModel, series: TimeSeries, small_race: None
    ) -> None:
        assert fitted.as_code() == (
            "AutoHyperModel(input_chunk_length=6, output_chunk_length=2, presets='best', "
            "quantiles=(0.1, 0.5, 0.9), random_state=3)"
        )
        again = make(**fitted.best_params_ | {"input_chunk_length": L}).fit(series[:-30])
        np.testing.assert_allclose(quantiles(again, series), quantiles(fitted, series), atol=1e-5)

    def test_backtests(self, fitted: AutoHyperModel, series: TimeSeries) -> None:
        forecasts = fitted.historical_forecasts(
            series[-30 - L :], forecast_horizon=H, retrain=False, last_points_only=False
        )
        expected = fitted.predict(H, series=series[: len(series) - H]).values()
        # sums of float32 in another order, by heads of large weights
        np.testing.assert_allclose(forecasts[-1].values(), expected, rtol=1e-4, atol=1e-4)

    @pytest.mark.slow
    def test_onnx(self, fitted: AutoHyperModel, series: TimeSeries, tmp_path: Path) -> None:
        pytest.importorskip("onnxscript")
        runtime = pytest.importorskip("onnxruntime")
        path = str(tmp_path / "model.onnx")
        fitted.to_onnx(path)
        session = runtime.InferenceSession(path)
        given = {session.get_inputs()[0].name: series.values()[None, -L:]}
        (found,) = session.run(None, given)
        np.testing.assert_allclose(found[0], quantiles(fitted, series), rtol=1e-3, atol=1e-4)

    def test_channels_cannot_be_added(self, fitted: AutoHyperModel, series: TimeSeries) -> None:
        new = series[series.components[0]].with_columns_renamed(series.components[0], "new")
        with pytest.raises(ValueError, match="several models added up"):
            fitted.add_channels(new)

    def test_solved_settings_are_of_none(self, fitted: AutoHyperModel) -> None:
        assert fitted.running_fit() is None
        assert fitted.solver_report is None


def test_without_presets_that_combine_there_is_no_share(series: TimeSeries) -> None:
    board = make(presets="fast").fit(series).leaderboard()
    assert "share" not in board
    assert "combined" not in set(board["candidate"])


def test_few_rows_held_out_are_not_enough_to_combine(small_race: None) -> None:
    board = make().fit(made(threshold(90))).leaderboard()
    assert "combined" not in set(board["candidate"])
