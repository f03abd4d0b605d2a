"""No way of loading runs what a file says."""

import io
import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts import MoLAModel
from tests.hosts.darts.every_model import H, L


class Payload:
    """An object that, where it is unpickled, calls a function."""

    def __init__(self, function: Callable, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable, tuple]:
        return self.call


def payloads(mark: Path) -> dict[str, Payload]:
    """Ways to make a file, by the module of the function that they call."""
    return {
        "os": Payload(os.system, f"touch {mark}"),
        "builtins": Payload(open, str(mark), "w"),
        "eval": Payload(eval, f"open({str(mark)!r}, 'w')"),
        "subprocess": Payload(subprocess.check_output, ["touch", str(mark)]),
        "pathlib": Payload(Path.touch, mark),
        "torch": Payload(torch.save, 1, str(mark)),
        "darts": Payload(TimeSeries.to_pickle, TimeSeries.from_values([[1.0]]), str(mark)),
    }


def write_zip(content: Any, path: Path) -> None:
    torch.save(content, path)


def write_legacy(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_pickle(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of every kind, as a user would be sent them."""
    folder = tmp_path_factory.mktemp("saved")
    torch.manual_seed(0)
    series = TimeSeries.from_values(torch.randn(60, 2).numpy())
    model = new_model(save_checkpoints=True, work_dir=str(folder), model_name="run").fit(series)
    model.save(folder / "m.pt")
    model.save_adapter(folder / "a.pt")
    return folder


def new_model(**kwargs: Any) -> MoLAModel:
    small = {"backbone": "rlinear", "backbone_kwargs": {"d_model": 4}, "n_epochs": 1}
    return MoLAModel(L, H, **small, **kwargs)


WAYS: dict[str, tuple[Callable[[Path], Any], list[str]]] = {
    "load": (lambda folder: MoLAModel.load(folder / "m.pt"), ["m.pt", "m.pt.ckpt"]),
    "load_from_checkpoint": (
        lambda folder: MoLAModel.load_from_checkpoint("run", str(folder), best=False),
        ["run/_model.pth.tar", "run/checkpoints/last-epoch=0.ckpt"],
    ),
    "load_weights": (
        lambda folder: new_model().load_weights(folder / "m.pt"),
        ["m.pt", "m.pt.ckpt"],
    ),
    "load_weights_from_checkpoint": (
        lambda folder: new_model().load_weights_from_checkpoint("run", str(folder), best=False),
        ["run/_model.pth.tar", "run/checkpoints/last-epoch=0.ckpt"],
    ),
    "load_adapter": (
        lambda folder: MoLAModel.load(folder / "m.pt").load_adapter(folder / "a.pt"),
        ["a.pt"],
    ),
}


def hide(content: Any, payload: Payload) -> list[Any]:
    """Put a payload alone, and into what a file of this kind holds."""
    if isinstance(content, dict):
        inner = {
            name: {**values, "payload": payload}
            for name, values in content.items()
            if isinstance(values, dict)
        }
        return [payload, {**content, "payload": payload}, {**content, **inner}]
    content.payload = payload
    return [payload, content]


@pytest.mark.parametrize("write", [write_zip, write_legacy, write_pickle])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_runs(way: str, write: Callable, saved: Path, tmp_path: Path) -> None:
    load, files = WAYS[way]
    load(saved)
    mark = tmp_path / "mark"
    for name in files:
        file = saved / name
        good = file.read_bytes()
        try:
            for payload in payloads(mark).values():
                # trusted: made above
                for content in hide(torch.load(io.BytesIO(good), weights_only=False), payload):
                    write(content, file)
                    with pytest.raises(Exception):  # noqa: B017, PT011 (whichever: nothing runs)
                        load(saved)
                    assert not mark.exists(), (name, payload.call)
        finally:
            file.write_bytes(good)


def test_payloads_would_make_a_file(tmp_path: Path) -> None:
    for payload in payloads(tmp_path / "mark").values():
        pickle.loads(pickle.dumps(payload))
        assert (tmp_path / "mark").exists()
        (tmp_path / "mark").unlink()
