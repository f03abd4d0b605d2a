"""A process that is killed while it saves leaves the old model or the new one."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel, MoLAModel
from tests.hosts.darts.every_model import H, L

KILLS = """
import json, os, signal, shutil, sys, time, warnings
import hyperforecast.darts as hf

folder, what = sys.argv[1:]
Model = getattr(hf, json.load(open(folder + "/class.json")))
path = folder + "/run/m.pt"
old, new = (Model.load(f"{folder}/{name}/m.pt") for name in ("old", "new"))


def forecast(model):
    # of its own training series, which are in the model's file; an adapter has none
    own = {} if what == "model" else {"series": old.training_series}
    return model.predict(4, **own).values().tolist()


forecasts = {"old": forecast(old), "new": forecast(new)}


def save():
    if what == "adapter":
        new.save_adapter(folder + "/run/a.pt")
    else:
        new.save(path)


def state():
    # of a fresh load: which model it is, or that it says that something is wrong
    try:
        model = Model.load(path)
        if what == "adapter":
            model.load_adapter(folder + "/run/a.pt")
    except ValueError as error:
        return str(error)
    found = forecast(model)
    return next((name for name, values in forecasts.items() if values == found), "another")


def start():
    shutil.rmtree(folder + "/run", ignore_errors=True)
    shutil.copytree(folder + "/old", folder + "/run")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def child(prepare):
    start()
    pid = os.fork()
    if not pid:
        prepare()
        save()
        os._exit(0)
    return os.WIFEXITED(os.waitpid(pid, 0)[1])


def at_operation(k):
    # opening, moving and deleting files of the folder, and waiting for the disk
    count = 0
    fsync = os.fsync

    def hook(event, arguments):
        nonlocal count
        if event in ("open", "os.rename", "os.remove", "fsync") and folder in str(arguments):
            count += 1
            if count == k:
                die()

    def audited(descriptor):
        sys.audit("fsync", folder)
        fsync(descriptor)

    def prepare():
        os.fsync = audited
        sys.addaudithook(hook)

    return prepare


def after(seconds):
    return lambda: signal.setitimer(signal.ITIMER_REAL, seconds)


results = []
k = 1
while not child(at_operation(k)):
    results.append(["operation", k, state()])
    k += 1
assert state() == "new", state()
start()
begun = time.perf_counter()
save()
length = time.perf_counter() - begun
for i in range(20):
    child(after(length * (i + 0.5) / 20))
    results.append(["time", i, state()])
child(lambda: None)
left = sorted(os.listdir(folder + "/run"))
print(json.dumps({"results": results, "left": left}))
"""


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **kwargs: Any) -> HyperforecastModel:
    return model_class(L, H, **{"n_epochs": 1, "random_state": 0, **kwargs})


def small_mola(**kwargs: Any) -> MoLAModel:
    return make(MoLAModel, backbone="rlinear", backbone_kwargs={"d_model": 4}, **kwargs)


def killed(folder: Path, old: Any, new: Any, what: str) -> dict[str, Any]:
    """Save `new` over `old` and kill it, at every operation on a file and at twenty times."""
    for name, model in (("old", old), ("new", new)):
        (folder / name).mkdir()
        model.save(str(folder / name / "m.pt"))
        if what == "adapter":
            model.save_adapter(folder / name / "a.pt")
    (folder / "class.json").write_text(json.dumps(type(old).__name__))
    done = subprocess.run(
        [sys.executable, "-c", KILLS, str(folder), what], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_killed_while_it_saves(series: TimeSeries, tmp_path: Path) -> None:
    old = make().fit(series)
    new = make(random_state=1).fit(series * 2)
    found = killed(tmp_path, old, new, "model")
    states = [state for *_, state in found["results"]]
    assert set(states) == {"old", "new"}
    assert len([how for how, *_ in found["results"] if how == "operation"]) >= 8
    assert found["left"] == ["m.pt", "m.pt.ckpt"]  # what saves that were cut off had left is gone


def test_killed_while_it_saves_an_adapter(series: TimeSeries, tmp_path: Path) -> None:
    old = small_mola().fit(series)
    old.save(str(tmp_path / "base.pt"))
    new = MoLAModel.load(str(tmp_path / "base.pt")).fit(series * 2, adapt_only=True, epochs=3)
    found = killed(tmp_path, old, new, "adapter")
    assert {state for *_, state in found["results"]} == {"old", "new"}


class TestFilesOfTwoSaves:
    MESSAGE = "were not saved with the model in .* one of the two files is of another save"

    @pytest.fixture
    def paths(self, series: TimeSeries, tmp_path: Path) -> list[str]:
        paths = [str(tmp_path / name) for name in ("a.pt", "b.pt")]
        for seed, path in enumerate(paths):
            make(random_state=seed).fit(series).save(path)
        shutil.copy(f"{paths[1]}.ckpt", f"{paths[0]}.ckpt")
        return paths

    def test_do_not_load(self, paths: list[str]) -> None:
        with pytest.raises(ValueError, match=self.MESSAGE):
            HNMVTSModel.load(paths[0])
        HNMVTSModel.load(paths[1])

    def test_do_not_load_as_weights(self, paths: list[str], series: TimeSeries) -> None:
        model = make()
        for load in (
            lambda: model.load_weights(paths[0]),
            lambda: model.load_weights_from_checkpoint(file_name=f"{paths[0]}.ckpt"),
        ):
            with pytest.raises(ValueError, match=self.MESSAGE):
                load()
            assert model.model is None  # nothing has changed
        model.load_weights(paths[0], load_encoders=False, skip_checks=True)  # weights alone
        expected = HNMVTSModel.load(paths[1]).predict(H)
        assert model.predict(H, series=series) == expected
        model.load_weights(paths[1])
        assert model.predict(H, series=series) == expected

    def test_a_model_without_weights_leaves_none_of_another(
        self, series: TimeSeries, tmp_path: Path, caplog: Any
    ) -> None:
        path = str(tmp_path / "m.pt")
        make().fit(series).save(path)
        shutil.copy(f"{path}.ckpt", f"{path}.copy")
        make().save(path)
        model = HNMVTSModel.load(path)
        assert model.model is None
        assert "loaded without weights" in caplog.text
        assert model.fit(series).predict(H) == make().fit(series).predict(H)
        shutil.copy(f"{path}.copy", f"{path}.ckpt")
        with pytest.raises(ValueError, match=self.MESSAGE):
            HNMVTSModel.load(path)


class TestSave:
    def test_takes_a_path(self, series: TimeSeries, tmp_path: Path) -> None:
        model = make().fit(series)
        model.save(tmp_path / "m.pt")
        assert HNMVTSModel.load(tmp_path / "m.pt").predict(H) == model.predict(H)

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_in_every_precision(self, dtype: str, series: TimeSeries, tmp_path: Path) -> None:
        model = make().fit(series.astype(dtype))
        model.save(str(tmp_path / "m.pt"))
        assert HNMVTSModel.load(str(tmp_path / "m.pt")).predict(H) == model.predict(H)

    def test_that_fails_leaves_what_was_there(
        self, series: TimeSeries, tmp_path: Path, monkeypatch: Any
    ) -> None:
        old, new = make().fit(series), make(random_state=1).fit(series * 2)
        old.save(str(tmp_path / "m.pt"))
        monkeypatch.setattr(new.trainer, "save_checkpoint", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            new.save(str(tmp_path / "m.pt"))
        assert HNMVTSModel.load(str(tmp_path / "m.pt")).predict(H) == old.predict(H)
        assert sorted(os.listdir(tmp_path)) == ["m.pt", "m.pt.ckpt"]

    def test_of_the_best_weights_of_a_fit(self, make_series: Callable, tmp_path: Path) -> None:
        random = np.random.default_rng(0)
        train, validation = (
            make_series(40).with_values(random.normal(size=(40, 3)).astype("float32"))
            for _ in range(2)
        )
        model = make(
            n_epochs=5,
            optimizer_kwargs={"lr": 0.1},
            save_checkpoints=True,
            work_dir=str(tmp_path),
            model_name="run",
        )
        model.fit(train, val_series=validation, load_best=True)
        assert "epoch=4" not in model.trainer.checkpoint_callbacks[0].best_model_path
        best = {name: values.clone() for name, values in model.network.state_dict().items()}
        model.save(str(tmp_path / "m.pt"))
        saved = HNMVTSModel.load(str(tmp_path / "m.pt")).network.state_dict()
        assert all(torch.equal(saved[name], values) for name, values in best.items())

    def test_beside_checkpoints_of_many_epochs(self, series: TimeSeries, tmp_path: Path) -> None:
        where = {"save_checkpoints": True, "work_dir": str(tmp_path), "model_name": "run"}
        make(n_epochs=2, **where).fit(series, val_series=series)
        pretrained = make(n_epochs=1).fit(series)
        pretrained.save(str(tmp_path / "m.pt"))
        tuned = make(n_epochs=1, force_reset=True, **where)
        tuned.load_weights(str(tmp_path / "m.pt"))
        tuned.fit(series, val_series=series)
        for best in (True, False):
            loaded = HNMVTSModel.load_from_checkpoint("run", str(tmp_path), best=best)
            np.testing.assert_array_equal(
                loaded.predict(H, series=series).values(), tuned.predict(H, series=series).values()
            )
            loaded.save(str(tmp_path / "again.pt"))
            again = BackboneModel.load(str(tmp_path / "again.pt"))
            assert again.predict(H, series=series) == loaded.predict(H, series=series)
