"""Four sites train one model together, and exchange sums of moments by files: no row leaves a site.

    python examples/federated.py

starts four processes, one for each site, and writes the files that they exchange into a folder.
Every site ends with the same network. In the end the weights are compared with those of all rows in
one place, which only this example can do.
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

from hyperforecast.nn.exact import (
    ExactOptions,
    ExactSolution,
    ObservedSeries,
    Problem,
    Setting,
    SiteRows,
    SiteSums,
    read_exchange,
    shared_frame,
    solve_from_sums,
    solved_network,
    write_exchange,
)

N_SITES, N_CHANNELS = 4, 3
PROBLEM = Problem(lookback=24, horizon=6)
SETTINGS = [
    Setting("none", 0, False, 0),
    Setting("none", 2, False, 0),
    Setting("last", N_CHANNELS, True, 0),
]
OPTIONS = ExactOptions()


def rows_of(site: int) -> list[ObservedSeries]:
    """Return the rows of a site: daily cycles at a level of its own."""
    generator = np.random.default_rng(site)
    hours = np.arange(400 + 50 * site)[:, None]
    cycle = np.sin(2 * np.pi * (hours / 24 + np.arange(N_CHANNELS) / N_CHANNELS))
    values = 10 * site + cycle + 0.3 * generator.normal(size=cycle.shape)
    return [ObservedSeries(torch.from_numpy(values))]


def awaited(folder: Path, name: str, seconds: float = 120.0) -> list[Any]:
    """Return what all sites have written under a name, once all have."""
    paths = [folder / f"{name}{site}" for site in range(N_SITES)]
    end = time.monotonic() + seconds
    while not all(path.exists() for path in paths):
        if time.monotonic() > end:
            raise TimeoutError(f"Not all of {N_SITES} sites wrote {name!r} in {seconds} s.")
        time.sleep(0.02)
    return [read_exchange(path) for path in paths]


def take_part(site: int, folder: Path) -> ExactSolution:
    """Do what a site does: say what units it has, sum its windows, and solve."""
    series = rows_of(site)
    write_exchange(folder / f"rows{site}", SiteRows.of(PROBLEM, series))
    frame = shared_frame(awaited(folder, "rows"), SETTINGS)
    write_exchange(folder / f"sums{site}", SiteSums.of(PROBLEM, series, frame, SETTINGS, OPTIONS))
    return solve_from_sums(PROBLEM, frame, awaited(folder, "sums"), SETTINGS, OPTIONS)


def in_one_place() -> ExactSolution:
    """Solve for what the sites solve for, from all their rows."""
    series = [one for site in range(N_SITES) for one in rows_of(site)]
    frame = shared_frame([SiteRows.of(PROBLEM, series)], SETTINGS)
    sums = [SiteSums.of(PROBLEM, series, frame, SETTINGS, OPTIONS)]
    return solve_from_sums(PROBLEM, frame, sums, SETTINGS, OPTIONS)


def network_of(solution: ExactSolution) -> torch.nn.Module:
    """Return the network that forecasts with a solution."""
    part = "individual" if solution.setting.individual else "hn-mvts"
    sizes = {"lookback": PROBLEM.lookback, "horizon": PROBLEM.horizon, "n_channels": N_CHANNELS}
    return solved_network({**sizes, "backbone": "dlinear", "parts": {part: {}}}, solution)


def main() -> None:
    """Be a site, or start all of them and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=int, help="number of the site to be; all if not given")
    parser.add_argument("--folder", type=Path, help="of the files; a temporary one if not given")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.site is not None:
        network = network_of(take_part(given.site, given.folder))
        torch.save(network.state_dict(), given.folder / f"network{given.site}.pt")
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        command = [sys.executable, __file__, "--folder", str(folder), "--site"]
        sites = [subprocess.Popen([*command, str(site)]) for site in range(N_SITES)]
        if failed := [site for site, one in enumerate(sites) if one.wait()]:
            raise SystemExit(f"Sites {failed} failed.")
        expected = network_of(in_one_place()).state_dict()
        for site in range(N_SITES):
            found = torch.load(folder / f"network{site}.pt", weights_only=True)
            difference = max(
                (found[name] - value).abs().max().item()
                for name, value in expected.items()
                if torch.is_tensor(value) and value.is_floating_point() and value.numel()
            )
            print(f"site {site}: weights differ by {difference:.1e} from those of all rows")
        sent = sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".pt")
        print(f"{sent / N_SITES / 1e3:.0f} kB sent by each site")


if __name__ == "__main__":
    main()
