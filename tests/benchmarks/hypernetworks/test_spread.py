"""The spread of generated scales, by hand."""

from pathlib import Path

import numpy as np
import torch

from benchmarks.hypernetworks.comparisons import Sizes, make_network
from benchmarks.hypernetworks.spread import GATES, draw, generated_scales, variance


def test_shares_of_the_variance():
    random = np.random.default_rng(0)
    steps, channels = random.normal(size=5), random.normal(size=3)
    scales = np.full((4, 3, 5, len(GATES), 2), 3.0)
    scales[..., 0, :] += steps[:, None]
    scales[..., 1, :] += channels[:, None, None]
    scales[..., 2, :] += random.normal(size=4)[:, None, None, None]
    scales[..., 3, :] += (steps * channels[:, None] - 1)[..., None]
    table = variance(scales).set_index("gate")
    for gate, of in zip(GATES, ("steps", "channels", "windows"), strict=False):
        np.testing.assert_allclose(table.loc[gate, f"between {of}, %"], 100)
        np.testing.assert_allclose(table.loc[gate, "rest, %"], 0, atol=1e-9)
    assert table.loc[GATES[3], "rest, %"] > 10
    forget = scales[..., 1, :]
    np.testing.assert_allclose(
        table.loc[GATES[1], "deviation / mean"], forget.std() / forget.mean()
    )


def test_scales_are_those_that_the_pass_uses(tmp_path: Path):
    network = make_network(
        Sizes(6, 2, 3), "lstm", {"d_model": 4}, {"hyper-lstm": {"hyper_size": 2}}
    )
    layer = network.backbone.layers[0]
    with torch.no_grad():
        layer.terms["hyper-lstm"].generator.projection.normal_()
    x = torch.randn(5, 6, 3)
    before = network.eval()(x)
    scales = generated_scales(network, x)
    assert scales.shape == (5, 3, 6, 4, 4)
    assert scales.std(axis=0).min() > 0
    torch.testing.assert_close(network(x), before)
    other = x.clone()
    other[2, :, 1] += torch.randn(6)
    changed = (generated_scales(network, other) != scales).any(axis=(2, 3, 4))
    assert np.argwhere(changed).tolist() == [[2, 1]]
    draw(scales, ["a", "b", "c"], str(tmp_path / "spread.svg"))
    assert (tmp_path / "spread.svg").stat().st_size > 1000
