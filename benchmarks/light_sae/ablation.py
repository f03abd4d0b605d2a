"""What of LightSAE matters: its pool, its shared weight, its place, and the number of channels.

Variants that the package does not have are parts of one's own, as any user can make them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.cells import model_arguments
from benchmarks.protocol import Dataset, evaluate
from benchmarks.runs import Row, Run
from benchmarks.training import train
from hyperforecast.darts import BackboneModel, HyperforecastModel, HyperModel, LightSAEModel
from hyperforecast.diagnostics import auxiliary_energy, gate_collapse
from hyperforecast.nn import Part, register_part
from hyperforecast.nn.contexts import ChannelGate
from hyperforecast.nn.generators import LowRankPool
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.network import count_parameters
from hyperforecast.nn.parts.light_sae import N_COMPONENTS, RANK, LightSAE
from hyperforecast.nn.sites import NetworkSites

ALONE, AT_THE_HEAD = "light-sae-alone", "pool-head"


class LightSAEAlone(LightSAE):
    """LightSAE without the weight that channels share: it is zero, and stays so."""

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add the pool, and hold the shared weight at zero."""
        super().put_into(sites, name)
        for site in sites.of_kind("linear"):
            layer = sites.layer(site)
            if name in getattr(layer, "terms", ()):
                torch.nn.init.zeros_(layer.weight).requires_grad_(requires_grad=False)


class PoolHead(Part):
    """The pool and its gates, at the head in the place of the embedding."""

    slot = "head"

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add to the last layers what the gates mix."""
        gates = ChannelGate(sites.n_channels, N_COMPONENTS)
        for site in sites.outputs:
            rank = min(RANK, site.n_outputs, N_COMPONENTS * site.n_features)
            pool = LowRankPool(N_COMPONENTS, site.n_features, site.n_outputs, rank)
            sites.add(site, name, Term(gates, pool))


OWN_PARTS: dict[str, type[Part]] = {ALONE: LightSAEAlone, AT_THE_HEAD: PoolHead}
"""Parts that are registered where a variant has them."""

VARIANTS: dict[str, tuple[type[HyperforecastModel], dict[str, Any]]] = {
    "shared embedding": (BackboneModel, {}),
    "LightSAE": (LightSAEModel, {}),
    "SAE-full": (LightSAEModel, {"variant": "full"}),
    "load balancing 0.1": (LightSAEModel, {"load_balancing": 0.1}),
    "load balancing 1": (LightSAEModel, {"load_balancing": 1.0}),
    "no shared weight": (HyperModel, {"embedding": ALONE}),
    "pool at the head": (HyperModel, {"head": AT_THE_HEAD}),
}


def some_channels(dataset: Dataset, n_channels: int) -> Dataset:
    """Return a data set with as many of its channels, evenly spread."""
    n_all = len(dataset.channels)
    kept = np.linspace(0, n_all - 1, min(n_channels, n_all)).round().astype(int)
    names = [dataset.channels[i] for i in kept]
    return replace(dataset, channels=names, values=dataset.values[:, kept])


def runs(
    dataset: Dataset,
    lookback: int,
    horizon: int,
    variants: Sequence[str],
    counts: Sequence[int],
    seeds: Sequence[int],
    options: dict[str, Any],
) -> Iterator[Run]:
    """Return the training of every variant on some numbers of channels."""
    for count in counts:
        some = some_channels(dataset, count)
        for variant in variants:
            for seed in seeds:
                key: Row = {"data": dataset.name, "horizon": horizon}
                key |= {"channels": len(some.channels), "variant": variant, "seed": seed}
                sizes = (lookback, horizon)
                yield Run(key, partial(measure, some, sizes, variant, seed, options))


def trained(
    dataset: Dataset, sizes: tuple[int, int], variant: str, seed: int, options: dict[str, Any]
) -> HyperforecastModel:
    """Train RMLP in a variant."""
    model_class, fixed = VARIANTS[variant]
    arguments = model_arguments(options)
    for name in OWN_PARTS.keys() & set(fixed.values()):
        register_part(name, OWN_PARTS[name])
    return train(
        model_class, dataset, *sizes, seed=seed, backbone="rmlp", **fixed, **arguments
    ).model


def measure(
    dataset: Dataset, sizes: tuple[int, int], variant: str, seed: int, options: dict[str, Any]
) -> Row:
    """Train RMLP in a variant; return errors, and how its pool is used.

    ``rank_90`` is how many singular values hold 90 % of the energy of a channel's own weight, the
    median of the channels; ``gate_entropy`` and ``load_entropy`` are those of
    :func:`~hyperforecast.diagnostics.gate_collapse`.
    """
    model = trained(dataset, sizes, variant, seed, options)
    network = model.network
    row: Row = dict.fromkeys(("rank_90", "gate_entropy", "load_entropy"), "")
    if isinstance(model, LightSAEModel):
        energy = auxiliary_energy(model)
        row["rank_90"] = float((energy < 0.9).sum(axis=1).add(1).median())
        if "variant" not in VARIANTS[variant][1]:
            collapse = gate_collapse(model)
            row |= {n: round(collapse[n], 3) for n in ("gate_entropy", "load_entropy")}
    return {
        "validation_mse": round(evaluate(network, dataset, "validation", *sizes).mse, 6),
        "test_mse": round(evaluate(network, dataset, "test", *sizes).mse, 6),
        "parameters": count_parameters(network),
        **row,
    }


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the rows, means over seeds, with the change to the shared embedding in per cent."""
    frame = pd.DataFrame(rows)
    numbers = frame.columns[5:]
    frame[numbers] = frame[numbers].apply(pd.to_numeric, errors="coerce")
    means = frame.groupby(["data", "channels", "variant"], sort=False)[numbers].mean()
    shared = means.xs("shared embedding", level="variant")["test_mse"]
    compared = shared.reindex(means.index.droplevel("variant")).to_numpy()
    return means.assign(change=100 * (means["test_mse"] / compared - 1)).reset_index()
