"""What channels make of covariates."""

import numpy as np
import pytest
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperModel, LightSAEModel, MoLAModel
from tests.hosts.darts.every_model import H, L

SMALL = {"backbone": "rlinear", "backbone_kwargs": {"d_model": 4}}
TRAINING = {"n_epochs": 20, "random_state": 0, "optimizer_kwargs": {"lr": 3e-2}}


@pytest.mark.parametrize(
    ("model_class", "options"),
    [
        (LightSAEModel, SMALL),
        (MoLAModel, {**SMALL, "n_segments": 2}),
        (HyperModel, {**SMALL, "modulation": "film"}),
        (BackboneModel, {"individual_covariates": True, "solver": "adam"}),
    ],
)
def test_opposite_responses_are_learned(model_class: type, options: dict) -> None:
    """y = (2x, -x): one response for both leaves all of it."""
    random = np.random.default_rng(0)
    x = random.normal(size=300 + H).astype(np.float32)
    y = np.stack([2 * x, -x], axis=1)
    model = model_class(L, H, **{**TRAINING, **options})
    known = TimeSeries.from_values(x)
    model.fit(TimeSeries.from_values(y[:300]), future_covariates=known)
    forecast = model.predict(H, future_covariates=known).values()
    assert np.square(forecast - y[300:]).mean() < 0.15 * np.square(y[300:]).mean()


def test_one_for_all_rules_the_closed_form_in(series: TimeSeries) -> None:
    covariates = {"future_covariates": series["a"], "past_covariates": series["b"]}
    plain = BackboneModel(L, H).fit(series, **covariates)
    assert plain.solver_report is not None
    assert plain.network.future_covariate_map.weight.dim() == 2
    own = BackboneModel(L, H, individual_covariates=True, n_epochs=1).fit(series, **covariates)
    assert own.solver_report is None
    assert own.network.future_covariate_map.weight.dim() == 3
    message = "individual_covariates=True beside a head that all share is solved by gradients"
    with pytest.raises(ValueError, match=message):
        BackboneModel(L, H, individual_covariates=True, solver="exact")


def test_where_the_head_says_it() -> None:
    for given in (True, False):
        with pytest.raises(ValueError, match="individual_covariates would have no effect"):
            HNMVTSModel(L, H, individual_covariates=given)
        with pytest.raises(ValueError, match="individual_covariates would have no effect"):
            BackboneModel(L, H, individual=True, individual_covariates=given)
