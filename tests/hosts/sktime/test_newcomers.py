"""Columns and instances that come in update: weights of their own, all others as they were."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hyperforecast.nn.newcomers import encoder_training
from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster
from tests.hosts.sktime.test_weights_by_series import BY_GRADIENTS, panel, wave

FH = [1, 2, 3, 4]
ADD: dict[str, Any] = {"newcomers": "add"}


def table(n_rows: int = 160) -> pd.DataFrame:
    """Return columns of two kinds, with levels of their own."""
    times = pd.period_range("2010-01", periods=n_rows, freq="M")
    columns = {name: 10.0**n * (5 + wave(n % 2, n_rows, n)) for n, name in enumerate("abcdef")}
    return pd.DataFrame(columns, index=times)


def by_channel(**options: Any) -> HNMVTSForecaster:
    return HNMVTSForecaster(12, output_chunk_length=4, n_factors=0, **options)


def by_series(**options: Any) -> HNMVTSForecaster:
    return HNMVTSForecaster(12, output_chunk_length=4, weights_by="series", **options)


KNOWN = [*"abcd"]


@pytest.mark.parametrize("update_params", [True, False])
@pytest.mark.parametrize("options", [{}, BY_GRADIENTS], ids=["solved", "trained"])
def test_new_columns_get_weights_and_others_stay_to_the_bit(
    options: dict[str, Any], update_params: bool
) -> None:
    y = table()
    forecaster = by_channel(**ADD, **options).fit(y[KNOWN].iloc[:-8], fh=FH)
    expected = forecaster.clone().fit(y[KNOWN].iloc[:-8], fh=FH)
    expected.update(y[KNOWN].iloc[-60:], update_params=False)
    forecaster.update(y[[*"fabdce"]].iloc[-60:], update_params=update_params)
    y_pred = forecaster.predict()
    assert list(y_pred.columns) == [*KNOWN, "f", "e"]
    pd.testing.assert_frame_equal(y_pred[KNOWN], expected.predict(), check_exact=True)
    assert np.isfinite(y_pred.to_numpy()).all()
    assert forecaster.channels_ == [*KNOWN, "f", "e"]
    assert (y_pred["f"] / 1e5 - 5).abs().max() < 6  # in units of its own
    # what was added counts as trained once all rows are fitted again
    forecaster.update(y.iloc[-2:][[*KNOWN, "f", "e"]])
    assert forecaster.model_.trained_channel_names == [*KNOWN, "f", "e"]


def test_new_columns_are_solved_for_as_on_the_darts_side() -> None:
    """Beside the Darts model, given the rows in the forecaster's units."""
    import copy

    from darts import TimeSeries

    y = table()
    forecaster = by_channel(**ADD).fit(y[KNOWN], fh=FH)
    model = copy.deepcopy(forecaster.model_)
    rows = y["e"].iloc[-60:].to_numpy()
    scaled = ((rows - rows.mean()) / rows.std()).astype(np.float32)
    model.add_channels(TimeSeries.from_values(scaled[:, None], columns=["e"]))
    forecaster.update(y[[*KNOWN, "e"]].iloc[-60:], update_params=False)
    for (name, found), expected in zip(
        forecaster.model_.network.state_dict().items(),
        model.network.state_dict().values(),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6, err_msg=name)


def test_without_the_option_new_columns_are_an_error_that_names_it() -> None:
    y = table()
    forecaster = by_channel().fit(y[KNOWN], fh=FH)
    before = forecaster.predict()
    with pytest.raises(ValueError, match=r"new columns 'e', 'f'\. Give newcomers='add'"):
        forecaster.update(y.iloc[-60:])
    pd.testing.assert_frame_equal(forecaster.predict(), before, check_exact=True)
    with pytest.raises(ValueError, match=r"newcomers"):
        by_channel(newcomers="solve").fit(y[KNOWN], fh=FH)


@pytest.mark.parametrize("options", [{}, BY_GRADIENTS], ids=["solved", "trained"])
def test_new_instances_get_weights_and_others_stay_to_the_bit(options: dict[str, Any]) -> None:
    y = panel()
    names = y.index.get_level_values(0)
    known, new = y[names < "shop 6"], y[names >= "shop 6"]
    forecaster = by_series(**ADD, **options).fit(known, fh=FH)
    before = forecaster.predict()
    forecaster.update(new.groupby(level=0).tail(40))
    y_pred = forecaster.predict()
    pd.testing.assert_frame_equal(y_pred.loc[before.index], before, check_exact=True)
    assert forecaster.model_.series_names == [f"shop {n}" for n in range(8)]
    assert forecaster.model_.trained_series_names == [f"shop {n}" for n in range(6)]
    vectors = forecaster.channel_embedding_.to_numpy()
    assert not np.allclose(vectors[6], vectors[7])
    # rows that follow are solved for, too, or trained on
    forecaster.update(new.groupby(level=0).tail(1), update_params=False)
    assert forecaster.model_.trained_series_names == [f"shop {n}" for n in range(6)]
    forecaster.update(new.groupby(level=0).tail(1))
    assert len(forecaster.model_.trained_series_names) == 8


def test_new_instances_of_several_columns_get_weights_that_these_share() -> None:
    y = panel().assign(returns=lambda sold: 3 - sold["sales"] / 7)
    names = y.index.get_level_values(0)
    known, new = y[names < "shop 6"], y[names >= "shop 6"]
    forecaster = by_series(**ADD, n_factors=0).fit(known, fh=FH)
    before = forecaster.predict()
    forecaster.update(new.groupby(level=0).tail(40), update_params=False)
    y_pred = forecaster.predict()
    pd.testing.assert_frame_equal(y_pred.loc[before.index], before, check_exact=True)
    assert forecaster.model_.network.weights_by == "series"
    # as the columns are of each other
    mirrored = 3 - y_pred.loc["shop 6", "sales"] / 7
    np.testing.assert_allclose(y_pred.loc["shop 6", "returns"], mirrored, rtol=1e-3)
    vectors = forecaster.channel_embedding_.to_numpy()
    assert len(vectors) == 8
    assert not np.allclose(vectors[6], vectors[7], rtol=1e-2)


def test_an_encoder_reads_new_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is trained on those that are known when the first comes."""
    monkeypatch.setattr(encoder_training, "N_EPISODES", 1)  # one of each instance and length
    monkeypatch.setattr(encoder_training, "N_STEPS", 100)
    y = panel(34)
    names = y.index.get_level_values(0)
    known, new = (y[names.isin(names.unique()[some])] for some in (slice(32), slice(32, None)))
    forecaster = by_series(newcomers="encoder").fit(known, fh=FH)
    before = forecaster.predict()
    assert not forecaster.model_.has_encoder
    forecaster.update(new.groupby(level=0).tail(20))
    assert forecaster.model_.has_encoder
    y_pred = forecaster.predict()
    pd.testing.assert_frame_equal(y_pred.loc[before.index], before, check_exact=True)
    assert len(y_pred) == len(FH) * 34
    solved = by_series(**ADD).fit(known, fh=FH).update(new.groupby(level=0).tail(20)).predict()
    assert not np.allclose(solved.loc[y_pred.index[-1]], y_pred.iloc[-1], rtol=1e-4)


def test_an_instance_too_short_to_train_on_is_added_without_a_warning(recwarn: Any) -> None:
    short = pd.DataFrame(
        {"sales": 100 + wave(0, 14, 9)}, index=pd.period_range("2020-01", periods=14, freq="M")
    )
    y = pd.concat([panel(), pd.concat({"short": short}, names=["shop", "time"])])
    forecaster = by_series(**ADD).fit(y, fh=FH)
    y_pred = forecaster.predict()
    assert not [one for one in recwarn if "not trained on" in str(one.message)]
    assert forecaster.model_.series_names[-1] == "short"
    assert (y_pred.loc["short"] - 100).abs().to_numpy().max() < 20


def test_new_columns_of_a_panel_and_with_covariates() -> None:
    y = pd.concat({"x": table(), "y": table(120) * 2}, names=["instance", "time"])
    X = pd.DataFrame({"month": y.index.get_level_values(1).month.astype(float)}, index=y.index)
    last = pd.concat(
        {
            name: pd.DataFrame(
                {"month": np.arange(4.0)}, index=y.loc[name].index[-1] + np.arange(1, 5)
            )
            for name in "xy"
        },
        names=["instance", "time"],
    )
    forecaster = by_channel(**ADD).fit(y[KNOWN], X=X, fh=FH)
    before = forecaster.predict(X=last)
    forecaster.update(y[[*KNOWN, "e"]], X=X, update_params=False)
    after = forecaster.predict(X=last)
    pd.testing.assert_frame_equal(after[KNOWN], before, check_exact=True)
    assert np.isfinite(after["e"]).all()


@pytest.mark.parametrize(
    ("forecaster", "message"),
    [
        (by_series(**ADD), "instances can be added and columns cannot"),
        (BackboneForecaster(12, backbone="tsmixer", solver="adam", n_epochs=1, **ADD), "mixes"),
    ],
    ids=["series", "mixing"],
)
def test_what_cannot_be_added_says_why(forecaster: Any, message: str) -> None:
    y = table()
    if forecaster.weights_by == "series":
        y = pd.concat({"x": y, "z": 2 * y}, names=["instance", "time"])
        fitted = forecaster.fit(y[["a"]], fh=FH)
        new = y[["a", "e"]]
    else:
        fitted = forecaster.fit(y[KNOWN], fh=FH)
        new = y
    with pytest.raises(ValueError, match=message):
        fitted.update(new)


def test_moments_in_the_place_of_rows_know_no_new_column() -> None:
    y = table()
    forecaster = by_channel(**ADD).set_config(remember_data=False).fit(y[KNOWN], fh=FH)
    with pytest.raises(ValueError, match="the moments that are kept"):
        forecaster.update(y[[*KNOWN, "e"]].iloc[-60:])


def test_copies_and_files_have_what_was_added(tmp_path: Any) -> None:
    y = table()
    forecaster = by_channel(**ADD).fit(y[KNOWN], fh=FH)
    forecaster.update(y[[*KNOWN, "e"]].iloc[-60:], update_params=False)
    expected = forecaster.predict()
    forecaster.save(str(tmp_path / "forecaster"))
    loaded = HNMVTSForecaster.load_from_path(str(tmp_path / "forecaster.zip"))
    pd.testing.assert_frame_equal(loaded.predict(), expected, check_exact=True)
