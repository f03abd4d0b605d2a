"""Training the experts alone, against training all weights, and the sizes of the files."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from torch import nn

from benchmarks.mola.networks import mola_network
from benchmarks.processes import in_own_process, peak_memory
from benchmarks.timing import in_turns, median
from hyperforecast.darts import MoLAModel

WIDE = {"d_model": 512, "d_ff": 512, "e_layers": 2, "n_heads": 8}


def train_one(what: str, steps: int) -> dict[str, float]:
    """Train the experts alone, or all weights, of one network in this process."""
    network = mola_network("itransformer", WIDE, rank=2).train()
    adapters = network.adapters()
    for name, parameter in network.named_parameters():
        parameter.requires_grad = what == "all" or name in adapters
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad])
    x, target = torch.randn(32, 96, 7), torch.randn(32, 96, 7, 1)
    before = peak_memory()

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(network(x), target).backward()
        optimizer.step()

    each = median(in_turns({"step": step}, steps, warm_up=1)["step"]).processor
    return {"ms": 1000 * each, "MB": (peak_memory() - before) / 2**20}


def adapt(steps: int) -> pd.DataFrame:
    """Compare both in processes of their own, and the sizes of files."""
    measured = {
        what: in_own_process("benchmarks.mola", "one", "--what", what, "--repetitions", steps)
        for what in ("experts", "all")
    }
    series = TimeSeries.from_values(
        np.random.default_rng(0).normal(size=(400, 7)).astype("float32")
    )
    model = MoLAModel(96, 96, backbone_kwargs=WIDE, n_segments=8, rank=2, n_epochs=1)
    model.fit(series)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.pt", clean=True)
        model.save_adapter(f"{folder}/adapter.pt")
        size = {path.name: path.stat().st_size / 1024 for path in Path(folder).iterdir()}
    whole = size["model.pt"] + size["model.pt.ckpt"]
    rows: list[dict[str, Any]] = [
        {
            "": f"{label} of a step",
            "experts alone": measured["experts"][unit],
            "all weights": measured["all"][unit],
            "ratio": measured["experts"][unit] / measured["all"][unit],
        }
        for label, unit in (("processor ms", "ms"), ("memory, MB,", "MB"))
    ]
    rows.append(
        {
            "": "file, kB",
            "experts alone": size["adapter.pt"],
            "all weights": whole,
            "ratio": size["adapter.pt"] / whole,
        }
    )
    return pd.DataFrame(rows)
