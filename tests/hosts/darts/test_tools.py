"""Every tool of Darts around every model; docs/tools.md lists them."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from darts import TimeSeries
from darts.ad import ForecastingAnomalyModel, NormScorer
from darts.dataprocessing.transformers import (
    BottomUpReconciliator,
    MinTReconciliator,
    Scaler,
    TopDownReconciliator,
)
from darts.explainability import ShapExplainer
from darts.models import (
    ConformalNaiveModel,
    ConformalQRModel,
    NaiveEnsembleModel,
    NaiveSeasonal,
    RegressionEnsembleModel,
)
from darts.utils.likelihood_models.torch import QuantileRegression

from hyperforecast.darts import (
    AutoHyperModel,
    BackboneModel,
    HNMVTSModel,
    HyperLSTMModel,
    HyperModel,
    HyperTCNModel,
    HyperTransformerModel,
    LightSAEModel,
    MoLAModel,
)
from hyperforecast.nn.errors import WrongArguments

L, H = 6, 2
ON_CPU = {"accelerator": "cpu"}
Make = Callable[..., Any]

MODELS: dict[str, tuple[Make, dict[str, Any]]] = {
    "HNMVTSModel": (HNMVTSModel, {}),
    "BackboneModel": (BackboneModel, {}),
    "HyperModel": (HyperModel, {"head": "individual"}),
    "LightSAEModel": (LightSAEModel, {"backbone_kwargs": {"d_model": 4}, "n_epochs": 1}),
    "MoLAModel": (MoLAModel, {"backbone": "dlinear", "n_segments": 2, "n_epochs": 1}),
    "HyperLSTMModel": (HyperLSTMModel, {"hyper_size": 2, "n_epochs": 1}),
    "HyperTCNModel": (HyperTCNModel, {"layer_embedding_dim": 2, "n_epochs": 1}),
    "HyperTransformerModel": (HyperTransformerModel, {"rank": 2, "n_epochs": 1}),
    "AutoHyperModel": (AutoHyperModel, {}),
}
AUTO_CHOOSES = ("ConformalQRModel", "EarlyStopping", "lr_find", "Optuna with pruning")
"""Tools here that set an argument which the automatic model chooses itself."""


def maker(name: str) -> Make:
    cls, own = MODELS[name]

    def make(**options: Any) -> Any:
        return cls(L, H, **{"random_state": 0, "pl_trainer_kwargs": ON_CPU, **own, **options})

    return make


def needs(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def finite(forecast: Any, n: int | None = None) -> None:
    values = forecast.all_values()
    assert n is None or len(values) == n
    assert np.isfinite(values).all()


def historical_forecasts(make: Make, series: TimeSeries, folder: Path) -> None:
    for retrain in (False, True):
        model = make() if retrain else make().fit(series)
        finite(model.historical_forecasts(series, start=36, forecast_horizon=H, retrain=retrain), 3)


def backtest_with_transformers(make: Make, series: TimeSeries, folder: Path) -> None:
    transformers = {"series": Scaler()}
    error = make().backtest(series, start=36, retrain=True, data_transformers=transformers)
    assert np.isfinite(error)


def residuals(make: Make, series: TimeSeries, folder: Path) -> None:
    finite(make().fit(series).residuals(series, retrain=False, start=30), 10)


def gridsearch(make: Make, series: TimeSeries, folder: Path) -> None:
    given = {name: [value] for name, value in make().model_params.items() if value is not None}
    grid = given | {"batch_size": [16, 32]}
    best, *_ = type(make()).gridsearch(grid, series[:30], val_series=series[30:])
    finite(best.fit(series).predict(H), H)


def naive_ensemble(make: Make, series: TimeSeries, folder: Path) -> None:
    finite(NaiveEnsembleModel([make(), NaiveSeasonal(1)]).fit(series).predict(H), H)


def regression_ensemble(make: Make, series: TimeSeries, folder: Path) -> None:
    models = [make(), NaiveSeasonal(1)]
    finite(RegressionEnsembleModel(models, regression_train_n_points=8).fit(series).predict(H), H)


def conformal_naive(make: Make, series: TimeSeries, folder: Path) -> None:
    model = ConformalNaiveModel(make().fit(series), quantiles=[0.1, 0.5, 0.9], cal_length=5)
    finite(model.predict(H, predict_likelihood_parameters=True), H)


def conformal_qr(make: Make, series: TimeSeries, folder: Path) -> None:
    quantiles = [0.1, 0.5, 0.9]
    model = make(likelihood=QuantileRegression(quantiles)).fit(series)
    conformal = ConformalQRModel(model, quantiles=quantiles, cal_length=5)
    finite(conformal.predict(H, predict_likelihood_parameters=True), H)


def shap(make: Make, series: TimeSeries, folder: Path) -> None:
    model = make().fit(series)
    explainer = ShapExplainer(model, background_num_samples=3, test_stationarity=False)
    explained = explainer.explain(series)
    finite(explained.get_explanation(horizon=1, component=explained.available_components[0]))


def reconcilers(make: Make, series: TimeSeries, folder: Path) -> None:
    total = (series["a"] + series["b"]).with_columns_renamed("a", "total")
    hierarchy = total.stack(series[["a", "b"]]).with_hierarchy({"a": ["total"], "b": ["total"]})
    forecast = make().fit(hierarchy).predict(H)
    for reconciler in (BottomUpReconciliator(), TopDownReconciliator(), MinTReconciliator("ols")):
        fitted = reconciler.fit(hierarchy) if hasattr(reconciler, "fit") else reconciler
        values = fitted.transform(forecast).values()
        np.testing.assert_allclose(values[:, 1:].sum(axis=1), values[:, 0], rtol=1e-4)


def anomaly_model(make: Make, series: TimeSeries, folder: Path) -> None:
    scorer = ForecastingAnomalyModel(make().fit(series), NormScorer())
    finite(scorer.score(series, start=30))


def files(make: Make, series: TimeSeries, folder: Path) -> None:
    model = make().fit(series)
    model.save(str(folder / "model.pt"))
    loaded = type(model).load(str(folder / "model.pt"))
    np.testing.assert_array_equal(loaded.predict(H).values(), model.predict(H).values())


def checkpoints(make: Make, series: TimeSeries, folder: Path) -> None:
    model = make(save_checkpoints=True, work_dir=str(folder), model_name="m", force_reset=True)
    model.fit(series, val_series=series)
    loaded = type(model).load_from_checkpoint("m", str(folder), best=True)
    finite(loaded.predict(H, series=series), H)


def early_stopping(make: Make, series: TimeSeries, folder: Path) -> None:
    from pytorch_lightning.callbacks import EarlyStopping

    stop = EarlyStopping("train_loss", patience=1, min_delta=1e9)
    model = make(n_epochs=9, pl_trainer_kwargs={**ON_CPU, "callbacks": [stop]}).fit(series)
    assert model.epochs_trained < 9
    finite(model.predict(H), H)


def learning_rate_finder(make: Make, series: TimeSeries, folder: Path) -> None:
    found = make(n_epochs=1, batch_size=4).lr_find(series, num_training=5)
    assert len(found.results["lr"]) >= 5


def encoders(make: Make, series: TimeSeries, folder: Path) -> None:
    model = make(
        add_encoders={"cyclic": {"future": ["dayofweek"]}, "position": {"past": ["relative"]}}
    )
    finite(model.fit(series).predict(H), H)


def tensorboard(make: Make, series: TimeSeries, folder: Path) -> None:
    needs("tensorboard")
    model = make(log_tensorboard=True, work_dir=str(folder), model_name="m").fit(series)
    finite(model.predict(H), H)
    assert list(folder.rglob("events.out.tfevents.*"))


def optuna_pruning(make: Make, series: TimeSeries, folder: Path) -> None:
    needs("optuna")
    import optuna
    from darts.utils.callbacks import PyTorchLightningPruningCallback

    def objective(trial: Any) -> float:
        pruner = PyTorchLightningPruningCallback(trial, "val_loss")
        rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        model = make(
            n_epochs=2,
            optimizer_kwargs={"lr": rate},
            pl_trainer_kwargs={**ON_CPU, "callbacks": [pruner]},
        )
        model.fit(series, val_series=series)
        return float(model.trainer.callback_metrics["val_loss"])

    study = optuna.create_study(pruner=optuna.pruners.PercentilePruner(0.0, n_startup_trials=1))
    study.optimize(objective, n_trials=3)
    assert all(set(one.intermediate_values) <= {0, 1} for one in study.trials)
    assert study.trials[0].intermediate_values.keys() == {0, 1}


def mlflow_autologging(make: Make, series: TimeSeries, folder: Path) -> None:
    needs("mlflow")
    import mlflow
    from darts.utils.mlflow import autolog

    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = mlflow.create_experiment("tools", artifact_location=(folder / "runs").as_uri())
    autolog()
    try:
        with mlflow.start_run(experiment_id=experiment) as run:
            finite(make().fit(series, verbose=False).predict(H), H)
        assert mlflow.get_run(run.info.run_id).data.params
    finally:
        autolog(disable=True)


TOOLS: dict[str, Callable[[Make, TimeSeries, Path], None]] = {
    "historical_forecasts": historical_forecasts,
    "backtest, data_transformers": backtest_with_transformers,
    "residuals": residuals,
    "gridsearch": gridsearch,
    "NaiveEnsembleModel": naive_ensemble,
    "RegressionEnsembleModel": regression_ensemble,
    "ConformalNaiveModel": conformal_naive,
    "ConformalQRModel": conformal_qr,
    "ShapExplainer": shap,
    "reconcilers": reconcilers,
    "ForecastingAnomalyModel": anomaly_model,
    "save and load": files,
    "checkpoints": checkpoints,
    "EarlyStopping": early_stopping,
    "lr_find": learning_rate_finder,
    "add_encoders": encoders,
    "TensorBoard": tensorboard,
    "Optuna with pruning": optuna_pruning,
    "MLflow autologging": mlflow_autologging,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("model", "tool"),
    [
        pytest.param(
            model,
            tool,
            id=f"{model}-{tool}",
            marks=[] if model == "HNMVTSModel" and tool != "ShapExplainer" else pytest.mark.slow,
        )
        for model in MODELS
        for tool in TOOLS
    ],
)
def test_tool(
    model: str, tool: str, make_series: Callable[..., TimeSeries], tmp_path: Path
) -> None:
    """Fit and predict; all but one model are run by `make test-slow`."""
    run = partial(TOOLS[tool], maker(model), make_series(40, 2), tmp_path)
    if model == "AutoHyperModel" and tool in AUTO_CHOOSES:
        with pytest.raises(WrongArguments, match="the automatic model chooses"):
            run()
    else:
        run()


DDP = """
import sys
import numpy as np
import torch
from tests.hosts.darts.test_tools import H, maker
from darts import TimeSeries

torch.set_num_threads(1)
if __name__ == "__main__":
    values = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    series = TimeSeries.from_values(values)
    trainer = {"accelerator": "cpu", "devices": 2, "strategy": "ddp"}
    model = maker(sys.argv[1])(n_epochs=1, pl_trainer_kwargs=trainer).fit(series)
    if torch.distributed.get_rank() == 0:
        print("fitted", model.epochs_trained)
"""


@pytest.mark.slow
@pytest.mark.parametrize("model", [name for name in MODELS if name != "AutoHyperModel"])
def test_ddp_on_two_processes(model: str, tmp_path: Path) -> None:
    """Training; Darts itself gathers no forecasts of several processes."""
    (tmp_path / "train.py").write_text(DDP)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, str(tmp_path / "train.py"), model],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "fitted 1" in done.stdout
