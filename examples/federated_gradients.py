"""Four sites train one generator by gradients, and share neither rows nor vectors.

Run it by ``python examples/federated_gradients.py``. It starts four processes, one for each site,
which exchange files in a folder. Every site trains a network of its own on its rows for some steps
and sends the weights that all share: backbone and generators. Their mean is where everyone goes on
from. What stays at home says what the site is: its vector, and what belongs to its channels. In the
end forecasts are compared with those of networks that each site trains alone, and of one network
trained on all rows, which only this example can do.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hyperforecast.nn import ForecastingNetwork, averaged, split_weights

N_SITES, N_CHANNELS = 4, 2
LOOKBACK, HORIZON = 24, 6
N_ROUNDS, N_STEPS, BATCH = 20, 10, 32
N_ROWS = 120
ARGUMENTS: dict[str, Any] = {
    "lookback": LOOKBACK,
    "horizon": HORIZON,
    "n_channels": N_CHANNELS,
    "backbone": "dlinear",
}
SITE_VECTORS = {"task-vectors": {"task_embedding_dim": 1}}


def rows_of(site: int, n_rows: int, seed: int) -> Tensor:
    """Return windows of rows of a site, (B, L + H, C): what all follow, and what it alone does."""
    generator = np.random.default_rng([site, seed])
    noise = generator.normal(size=(n_rows + 50, N_CHANNELS))
    values = noise.copy()
    own = 0.6 if site % 2 else -0.6
    for row in range(12, len(values)):
        values[row] += 0.3 * values[row - 1] + own * values[row - 12]
    rows = torch.from_numpy(values[50:]).float()
    return rows.unfold(0, LOOKBACK + HORIZON, 1).transpose(1, 2)


def network_of(site: int | None) -> ForecastingNetwork:
    """Return a network; of a site it has a vector, which differs between sites."""
    torch.manual_seed(0)
    parts = {} if site is None else SITE_VECTORS
    network = ForecastingNetwork(**ARGUMENTS, parts=parts)
    torch.manual_seed(1 + (site or 0))
    for context in network.contexts("task-vectors"):
        torch.nn.init.normal_(context.weight)
    return network


class Trainer:
    """Training of a network on some windows, some steps at a time."""

    def __init__(self, network: ForecastingNetwork, windows: Tensor) -> None:
        self.network, self.windows = network, windows
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)

    def train(self, n_steps: int) -> None:
        """Take some steps."""
        for _ in range(n_steps):
            batch = self.windows[torch.randint(len(self.windows), (BATCH,))]
            self.optimizer.zero_grad()
            loss(self.network, batch).backward()
            self.optimizer.step()


def loss(network: ForecastingNetwork, windows: Tensor) -> Tensor:
    """Return the mean squared error over windows."""
    past, future = windows.split([LOOKBACK, HORIZON], dim=1)
    return (network(past).squeeze(-1) - future).square().mean()


@torch.no_grad()
def test_error(network: ForecastingNetwork, site: int) -> float:
    """Return the error on rows of a site that none was trained on."""
    return loss(network.eval(), rows_of(site, 2000, seed=1)).item()


def awaited(folder: Path, name: str, seconds: float = 120.0) -> list[Any]:
    """Return what all sites have written under a name, once all have."""
    paths = [folder / f"{name}-{site}" for site in range(N_SITES)]
    end = time.monotonic() + seconds
    while not all(path.exists() for path in paths):
        if time.monotonic() > end:
            raise TimeoutError(f"Not all of {N_SITES} sites wrote {name!r} in {seconds} s.")
        time.sleep(0.005)
    return [torch.load(path, weights_only=True) for path in paths]


def write(path: Path, weights: dict[str, Tensor]) -> None:
    """Write a file; one that is there is whole."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    torch.save(weights, unfinished)
    unfinished.rename(path)


def take_part(site: int, folder: Path) -> ForecastingNetwork:
    """Do what a site does: train, send what is shared, and go on from the mean of all."""
    network = network_of(site)
    trainer = Trainer(network, rows_of(site, N_ROWS, seed=0))
    for number in range(N_ROUNDS):
        trainer.train(N_STEPS)
        shared, own = split_weights(network, ARGUMENTS | {"parts": SITE_VECTORS})
        write(folder / f"round{number}-{site}", shared)
        network.load_state_dict({**averaged(awaited(folder, f"round{number}")), **own})
    return network


def trained(windows: Tensor) -> ForecastingNetwork:
    """Return a plain network trained for as many steps on some windows."""
    network = network_of(None)
    Trainer(network, windows).train(N_ROUNDS * N_STEPS)
    return network


def main() -> None:
    """Be a site, or start all of them and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=int, help="number of the site to be; all if not given")
    parser.add_argument("--folder", type=Path, help="of the files; a temporary one if not given")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.site is not None:
        network = take_part(given.site, given.folder)
        torch.save(network.state_dict(), given.folder / f"network{given.site}.pt")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        command = [sys.executable, __file__, "--folder", str(folder), "--site"]
        sites = [subprocess.Popen([*command, str(site)]) for site in range(N_SITES)]
        if failed := [site for site, one in enumerate(sites) if one.wait()]:
            raise SystemExit(f"Sites {failed} failed.")
        pooled = trained(torch.cat([rows_of(site, N_ROWS, seed=0) for site in range(N_SITES)]))
        errors: dict[str, list[float]] = {"together": [], "alone": [], "pooled": []}
        for site in range(N_SITES):
            network = network_of(site)
            network.load_state_dict(torch.load(folder / f"network{site}.pt", weights_only=True))
            alone = trained(rows_of(site, N_ROWS, seed=0))
            for name, one in zip(errors, (network, alone, pooled), strict=True):
                errors[name].append(test_error(one, site))
        for name, values in errors.items():
            print(f"{name}: {np.mean(values):.4f}", *(f"{value:.4f}" for value in values))
        sent = (folder / "round0-0").stat().st_size
        print(f"{sent / 1e3:.0f} kB sent by each site in each of {N_ROUNDS} rounds")


if __name__ == "__main__":
    main()
