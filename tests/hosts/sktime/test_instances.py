"""The sktime forecasters: what they refuse, in which words the user finally sees it."""

import itertools
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts.utils.likelihood_models.torch import GaussianLikelihood
from torch.nn import L1Loss

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster
from hyperforecast.sktime.instances import split

L = 12
each_forecaster = pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])


def make(cls: type = HNMVTSForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 1, "random_state": 0, **kwargs})


def raises(kind: type[Exception], message: str) -> Any:
    return pytest.raises(kind, match=message)


@each_forecaster
class TestTarget:
    def test_too_short(self, cls: type, panel: pd.DataFrame) -> None:
        message = r"16 rows are needed.*longest series has 15"
        with raises(ValueError, message):
            make(cls).fit(panel.iloc[:15], fh=[4])
        make(cls).fit(panel.iloc[:16], fh=[4])

    def test_one_series_of_a_panel_too_short(self, cls: type, panel: pd.DataFrame) -> None:
        y = pd.concat({"x": panel, "y": panel.iloc[: L - 1]}, names=["store", "time"])
        with raises(
            ValueError, r"made from 12 rows.*series \('y',\) has 11.*short_instances='pad'"
        ):
            make(cls, short_instances="raise").fit(y, fh=[1])

    def test_no_value(self, cls: type, panel: pd.DataFrame) -> None:
        message = r"y has no value at all in 'b': all are NaN. Expected at least one value"
        with raises(ValueError, message):
            make(cls).fit(panel.assign(b=np.nan), fh=[1])

    def test_infinite(self, cls: type, panel: pd.DataFrame) -> None:
        panel.iloc[7, 1] = np.inf
        message = r"y holds 1 infinite values, the first in column 'b' at 2020-01-08"
        with raises(ValueError, message):
            make(cls).fit(panel, fh=[1])

    def test_no_rows(self, cls: type, panel: pd.DataFrame) -> None:
        stores = pd.concat({"x": panel, "y": panel}, names=["store", "time"])
        values = panel.to_numpy()
        for empty in (
            panel.iloc[:0],
            panel["a"].iloc[:0],
            stores.iloc[:0],
            values[:0],
            np.zeros((2, 3, 0)),
            [],
            [panel, panel.iloc[:0]],
        ):
            with raises(ValueError, "y has no rows"):
                make(cls).fit(empty, fh=[1])

    def test_irregular(self, cls: type, panel: pd.DataFrame) -> None:
        message = r"irregular: after 2020-01-08 00:00:00 comes 2020-01-10.*Expected a row for every"
        gap = panel.drop(panel.index[8])
        with raises(
            ValueError, r"1 of 120 rows are missing, the first is 2020-01-09 .*`asfreq\('D'\)`"
        ):
            make(cls).fit(gap, fh=[1])
        make(cls).fit(gap.asfreq("D"), fh=[1])  # as it says
        with raises(ValueError, "irregular: after 2020-01-09 00:00:00 comes 2020-01-09"):
            make(cls).fit(panel.iloc[[*range(9), *range(8, 120)]], fh=[1])
        leap = panel.set_axis(panel.index[:1].union(panel.index[1:] + pd.Timedelta(days=300)))
        with raises(ValueError, "mostly 1 days .* apart, but after 2020-01-01 .* comes 2020-10-28"):
            make(cls).fit(leap, fh=[1])
        with raises(ValueError, message):
            y = pd.concat({"x": panel, "y": gap}, names=["store", "time"])
            make(cls).fit(y, fh=[1])
        with raises(ValueError, r"irregular: after 8 comes 10"):
            make(cls).fit(gap.set_axis([*range(1, 9), *range(10, 121)]), fh=[1])

    def test_not_numeric(self, cls: type, panel: pd.DataFrame) -> None:
        other = panel.assign(d="word", e=panel.index)
        message = r"y must hold numbers only; not numeric: 'd' \(.*\), 'e' \(datetime64"
        with raises(TypeError, message):
            make(cls).fit(other, fh=[1])
        with raises(TypeError, r"X must hold numbers only; not numeric: 'd'"):
            make(cls).fit(panel[["a"]], X=other[["b", "d"]], fh=[1])

    def test_two_channels_of_one_name(self, cls: type, panel: pd.DataFrame) -> None:
        with raises(TypeError, "unique"):
            make(cls).fit(panel.set_axis(["a", "a", "c"], axis=1), fh=[1])
        with raises(ValueError, "more than one column named '1'"):
            make(cls).fit(panel.set_axis([1, "1", "c"], axis=1), fh=[1])

    def test_no_channel(self, cls: type, panel: pd.DataFrame) -> None:
        with raises(ValueError, "y has no columns"):
            make(cls).fit(panel[[]], fh=[1])


def spoilt(panel: pd.DataFrame, value: float = np.inf) -> pd.DataFrame:
    panel = panel.copy()
    panel.iloc[[7, 9], 1] = value
    return panel


class TestInfiniteValues:
    """Named by column, instance and time, by whatever way and in whatever format they come."""

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_in_a_panel(self, value: float, panel: pd.DataFrame) -> None:
        y = pd.concat({"x": panel, "y": spoilt(panel, value)}, names=["store", "time"])
        place = r"y holds 2 infinite.*column 'b' of instance \('y',\) at 2020-01-08"
        with raises(ValueError, place):
            make().fit(y, fh=[1])
        with raises(ValueError, place):
            make().pretrain(y, fh=[1])
        with raises(ValueError, r"of instance \('north', 'y'\) at 2020-01-08"):
            make().fit(pd.concat({"north": y}, names=["region"]), fh=[1])

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_in_covariates(self, value: float, panel: pd.DataFrame) -> None:
        y, X = panel[["a"]], panel[["b", "c"]]
        place = r"X holds 2 infinite.*column 'c' at 2020-01-08"
        with raises(ValueError, place):
            make().fit(y, X=spoilt(X, value), fh=[1])
        forecaster = make().fit(y.iloc[:80], X=X.iloc[:80], fh=[1, 2])
        ahead = X.iloc[80:82].copy()
        ahead.iloc[1, 0] = value
        place = r"X holds 1 infinite.*column 'b' at 2020-03-22"
        with raises(ValueError, place):
            forecaster.predict(X=ahead)
        with raises(ValueError, place):
            forecaster.update(y.iloc[80:82], X=ahead)

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    @pytest.mark.parametrize("update_params", [True, False])
    def test_in_new_rows(self, value: float, update_params: bool, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel.iloc[:80], fh=[1])
        new = panel.iloc[80:].copy()
        new.iloc[4, 2] = value
        with raises(ValueError, r"y holds 1 infinite.*column 'c' at 2020-03-25"):
            forecaster.update(new, update_params=update_params)

    def test_in_every_format(self, panel: pd.DataFrame) -> None:
        bad = spoilt(panel)
        whole = pd.array([1.0, 2.0, np.inf] * 40, dtype="Float64")
        for y, place in (
            (bad["b"], r"'b' at 2020-01-08"),
            (bad.to_numpy(), r"column 1 at 7"),
            (np.stack([panel.T, bad.T]), r"of instance \(1,\) at 7"),
            ([panel, bad], r"'b' of instance \(1,\) at 2020-01-08"),
            (panel.assign(b=whole), r"'b' at 2020-01-03"),
        ):
            with raises(ValueError, place):
                make().fit(y, fh=[1])


@each_forecaster
class TestNewRows:
    @pytest.mark.parametrize(
        ("rename", "message"),
        [
            ({"b": "d"}, r"columns of y.*\(missing: 'b'; new: 'd'\)"),
            ({"a": "A", "b": "B", "c": "C"}, r"missing: 'a', 'b', 'c'; new: 'A', 'B', 'C'"),
        ],
    )
    def test_other_channels(
        self, cls: type, rename: dict, message: str, panel: pd.DataFrame
    ) -> None:
        forecaster = make(cls).fit(panel.iloc[:80], fh=[1])
        expected = forecaster.predict()
        with raises(ValueError, message):
            forecaster.update(panel.iloc[80:].rename(columns=rename))
        # what was refused leaves no trace
        pd.testing.assert_frame_equal(forecaster.predict(), expected)
        forecaster.update(panel.iloc[80:])
        fitted = make(cls).fit(panel, fh=[1])
        pd.testing.assert_frame_equal(forecaster.predict(), fitted.predict(), check_freq=False)

    def test_missing_or_added_channel(self, cls: type, panel: pd.DataFrame) -> None:
        forecaster = make(cls).fit(panel.iloc[:80], fh=[1])
        with raises(ValueError, r"\(missing: 'c'\)"):
            forecaster.update(panel.iloc[80:, :2])
        with raises(ValueError, r"new columns 'd'.*newcomers='add'"):
            forecaster.update(panel.iloc[80:].assign(d=1.0))

    def test_reordered_channels_are_put_in_order(self, cls: type, panel: pd.DataFrame) -> None:
        one, other = (make(cls).fit(panel.iloc[:80], fh=[1]) for _ in range(2))
        one.update(panel.iloc[80:], update_params=False)
        other.update(panel.iloc[80:][["c", "b", "a"]], update_params=False)
        pd.testing.assert_frame_equal(one.predict(), other.predict())

    def test_gap(self, cls: type, panel: pd.DataFrame) -> None:
        forecaster = make(cls).fit(panel.iloc[:80], fh=[1])
        with raises(ValueError, r"irregular: after 2020-03-20.*comes 2020-03-22"):
            forecaster.update(panel.iloc[81:], update_params=False)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda y: y.reset_index(drop=True), "by numbers, those seen before by timestamps"),
            (lambda y: y.tz_localize("UTC"), "of the time zone UTC, those seen before by"),
            (lambda y: y.to_period("D"), "by periods of D, those seen before by timestamps"),
        ],
    )
    def test_another_kind_of_time(
        self, cls: type, change: Any, message: str, panel: pd.DataFrame
    ) -> None:
        forecaster = make(cls).fit(panel.iloc[:80], fh=[1])
        with raises(ValueError, message):
            forecaster.update(change(panel.iloc[80:]), update_params=False)

    def test_levels_in_another_order(self, cls: type, panel: pd.DataFrame) -> None:
        """They would be instances never seen before."""
        names = ["region", "store", "time"]
        y = pd.concat({("north", "x"): panel.iloc[:80]}, names=names)
        forecaster = make(cls).fit(y, fh=[1])
        new = pd.concat({("x", "north"): panel.iloc[80:]}, names=["store", "region", "time"])
        with raises(ValueError, r"levels.*\['store', 'region'\].*'store' is not where it was"):
            forecaster.update(new)
        forecaster.update(pd.concat({("north", "x"): panel.iloc[80:]}, names=names))

    def test_labels_of_another_type(self, cls: type, panel: pd.DataFrame) -> None:
        """They would be instances never seen before."""
        names = ["store", "time"]
        forecaster = make(cls).fit(pd.concat({7: panel.iloc[:80]}, names=names), fh=[1])
        with raises(ValueError, r"\('7',\) would be a new one beside \(7,\).*type of its labels"):
            forecaster.update(pd.concat({"7": panel.iloc[80:]}, names=names), update_params=False)
        forecaster.update(pd.concat({8: panel.iloc[80:]}, names=names), update_params=False)

    def test_a_panel_instead_of_a_series(self, cls: type, panel: pd.DataFrame) -> None:
        forecaster = make(cls).fit(panel.iloc[:80], fh=[1])
        with raises(ValueError, "fitted on data with 0 index levels above time"):
            forecaster.update(pd.concat({"x": panel.iloc[80:]}, names=["store", "time"]))


class TestCovariates:
    def fitted(self, panel: pd.DataFrame, **kwargs: Any) -> Any:
        y, X = panel[["a"]].iloc[:80], panel[["b", "c"]].iloc[:80]
        return make(**kwargs).fit(y, X=X, fh=[1, 2])

    def test_horizon_not_covered(self, panel: pd.DataFrame) -> None:
        X = panel[["b", "c"]].iloc[80:81]
        with raises(ValueError, r"X does not cover.*1 of 14 rows.*first is 2020-03-22"):
            self.fitted(panel).predict(X=X)

    def test_no_x_in_predict(self, panel: pd.DataFrame) -> None:
        with raises(ValueError, r"X does not cover.*2 of 14 rows"):
            self.fitted(panel).predict()

    def test_no_x_in_update(self, panel: pd.DataFrame) -> None:
        with raises(ValueError, r"X does not cover"):
            self.fitted(panel).update(panel[["a"]].iloc[80:])

    def test_column_missing_or_new(self, panel: pd.DataFrame) -> None:
        forecaster = self.fitted(panel)
        with raises(ValueError, r"columns of X.*\(missing: 'c'\)"):
            forecaster.predict(X=panel[["b"]].iloc[80:82])
        with raises(ValueError, r"columns of X.*\(new: 'a'\)"):
            forecaster.predict(X=panel.iloc[80:82])

    def test_x_without_effect(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel[["a"]].iloc[:80], fh=[1, 2])
        with raises(ValueError, r"X has no effect: the forecaster was fitted without covariates"):
            forecaster.predict(X=panel[["b"]].iloc[80:82])

    def test_unknown_past_covariate(self, panel: pd.DataFrame) -> None:
        message = r"past_covariates names columns that X does not have: 'd'. X has: 'b', 'c'"
        with raises(ValueError, message):
            self.fitted(panel, past_covariates=["d"])
        with raises(ValueError, r"'d'. No X was given"):
            make(past_covariates=["d"]).fit(panel, fh=[1])

    def test_infinite(self, panel: pd.DataFrame) -> None:
        X = panel[["b", "c"]].copy()
        X.iloc[3, 1] = -np.inf
        with raises(ValueError, "X holds 1 infinite values, the first in column 'c'"):
            make().fit(panel[["a"]], X=X, fh=[1])

    def test_instance_missing(self, panel: pd.DataFrame) -> None:
        names = ["store", "time"]
        y = pd.concat({"x": panel[["a"]], "y": panel[["a"]]}, names=names)
        X = pd.concat({"x": panel[["b"]]}, names=names)
        with raises(ValueError, r"X lacks 1 of the 2 instances of y, the first is \('y',\)"):
            make().fit(y, X=X, fh=[1])


class TestParameters:
    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"backbone": "dlinaer"}, r"Unknown backbone 'dlinaer'. Did you mean 'dlinear'"),
            ({"backbone_kwargs": {"d_model": 3}}, "'dlinear' has no option 'd_model'"),
            ({"instance_norm": "revln"}, "Unknown instance_norm 'revln'"),
            ({"channel_embedding_dim": 4}, r"channel_embedding_dim.*got 4"),
            ({"likelihood": "gausian"}, "Unknown likelihood 'gausian'. Did you mean 'gaussian'"),
            (
                {"likelihood": "gaussian", "quantiles": (0.1, 0.5, 0.9)},
                "a likelihood or quantiles, not both",
            ),
            ({"likelihood": "poisson"}, "does not cover standardised values.*scaler=None"),
            ({"likelihood": "gaussian", "loss_fn": L1Loss()}, "loss_fn has no effect"),
            (
                {"scaler": "minmax"},
                "Unknown scaler 'minmax'. Expected one of: 'standard', 'global', or None.",
            ),
            (
                {"short_instances": "drop"},
                "Unknown short_instances 'drop'. Expected one of: 'pad', 'raise'.",
            ),
            (
                {"validation_size": 1.5},
                "validation_size must be a finite number > 0 and < 1; got 1.5",
            ),
            ({"validation_size": 0.99}, "leaves too few rows: .* takes 14 rows"),
            ({"patience": 3}, "patience has no effect without validation_size"),
            ({"input_chunk_length": 0}, "input_chunk_length must be a whole number"),
            ({"quantiles": (0.1, 0.9)}, "0.5"),
        ],
    )
    def test_refused_in_fit(self, params: dict, message: str, panel: pd.DataFrame) -> None:
        with raises(ValueError, message):
            make(**params).fit(panel, fh=[1])

    def test_likelihood_of_another_kind(self, panel: pd.DataFrame) -> None:
        with raises(ValueError, "likelihood must be a string or a TorchLikelihood"):
            make(likelihood=GaussianLikelihood).fit(panel, fh=[1])

    def test_quantiles_beyond_the_learned_ones(self, panel: pd.DataFrame) -> None:
        forecaster = make(quantiles=(0.1, 0.5, 0.9)).fit(panel, fh=[1])
        message = r"quantiles 0.05, 0.95 lie beyond the learned ones, 0.1 to 0.9"
        with raises(ValueError, message):
            forecaster.predict_interval(coverage=0.9)

    def test_no_intervals_without_a_likelihood(self, panel: pd.DataFrame) -> None:
        with raises(NotImplementedError, "prediction intervals"):
            make().fit(panel, fh=[1]).predict_interval()


def test_covariates_of_no_instance_are_refused(panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"X is an empty list\. Give a table for every instance"):
        BackboneForecaster(8, solver="exact").fit(panel, X=[], fh=[1])


@pytest.mark.parametrize("n_levels", [0, 1, 2])
def test_keys_are_tuples_of_labels(n_levels: int, panel: pd.DataFrame) -> None:
    """In every version of pandas, and without a warning of any."""
    for level in range(n_levels):
        panel = pd.concat(dict.fromkeys(("x", "y"), panel), names=[f"level {level}"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        instances = split(panel, panel)
    assert set(instances) == set(itertools.product("xy", repeat=n_levels))
    assert all(one.y.index.nlevels == 1 for one in instances.values())
