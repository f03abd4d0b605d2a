"""Hypernetworks, and plain networks with as many parameters."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch

from benchmarks.hypernetworks.matching import matching
from benchmarks.hypernetworks.one_kernel import ONE_KERNEL
from hyperforecast.nn import ForecastingNetwork, count_parameters


class Comparison(NamedTuple):
    """A hypernetwork, and what it is compared with.

    Attributes
    ----------
    part, options
        What is put into the network, and its options.
    backbone, widths
        The network that it is put into, and its options.
    controls
        Backbones of the plain networks.
    varied
        The option of a plain network that is chosen so that it has as many parameters.
    times
        How many times the epochs of a data set's budget all of them are trained for at most: more
        for those that cost less.
    """

    part: str
    options: dict[str, Any]
    backbone: str
    widths: dict[str, Any]
    controls: tuple[str, ...]
    varied: str
    times: int


COMPARISONS = {
    "HyperLSTM": Comparison(
        "hyper-lstm", {"hyper_size": 8}, "lstm", {"d_model": 24}, ("lstm",), "d_model", 1
    ),
    "HyperTCN": Comparison(
        "hyper-kernels",
        {"layer_embedding_dim": 4, "hyper_width": 19},
        "tcn",
        {"d_model": 18},
        ("tcn", ONE_KERNEL),
        "d_model",
        1,
    ),
    "HyperTransformer, iTransformer": Comparison(
        "hyper-attention", {}, "itransformer", {"d_model": 64}, ("itransformer",), "d_ff", 2
    ),
    "HyperTransformer, PatchTST": Comparison(
        "hyper-attention", {}, "patchtst", {"d_model": 16, "d_ff": 64}, ("patchtst",), "d_ff", 1
    ),
    "dynamic head, RLinear": Comparison(
        "dynamic", {}, "rlinear", {"d_model": 128}, ("rlinear",), "d_model", 3
    ),
    "dynamic head, iTransformer": Comparison(
        "dynamic", {}, "itransformer", {"d_model": 64}, ("itransformer",), "d_ff", 2
    ),
}


class Sizes(NamedTuple):
    """Window length, number of forecast steps, number of channels."""

    lookback: int
    horizon: int
    n_channels: int


def make_network(
    sizes: Sizes,
    backbone: str,
    widths: dict[str, Any],
    parts: dict[str, dict[str, Any]] | None = None,
) -> ForecastingNetwork:
    """Make a network."""
    return ForecastingNetwork(
        **sizes._asdict(), parts=parts or {}, backbone=backbone, backbone_kwargs=widths
    )


def n_parameters(sizes: Sizes, backbone: str, widths: dict[str, Any], *parts: Any) -> int:
    """Return the number of parameters of a network; see :func:`make_network`."""
    with torch.device("meta"):
        return count_parameters(make_network(sizes, backbone, widths, *parts))


def controls(comparison: Comparison, sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the plain networks of a comparison, each as its backbone and the options of it."""
    parts = {comparison.part: comparison.options}
    wanted = n_parameters(sizes, comparison.backbone, comparison.widths, parts)
    for backbone in comparison.controls:

        def count(size: int, backbone: str = backbone) -> int:
            return n_parameters(sizes, backbone, comparison.widths | {comparison.varied: size})

        size = matching(f"{comparison.varied} of {backbone!r}", wanted, count)
        yield backbone, comparison.widths | {comparison.varied: size}
