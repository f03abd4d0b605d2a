"""What is compared has as many parameters, and differs as it should."""

import pytest
import torch

from benchmarks.hypernetworks.accuracy import BUDGETS
from benchmarks.hypernetworks.comparisons import (
    COMPARISONS,
    Sizes,
    controls,
    make_network,
    n_parameters,
)
from benchmarks.hypernetworks.one_kernel import OneKernelTCN
from hyperforecast.nn import count_parameters
from hyperforecast.nn.backbones import TCN
from hyperforecast.nn.layers.causal_conv import CausalConv

CHANNELS = {"ETTh1": 7, "los_speed": 207}


@pytest.mark.parametrize("data", CHANNELS)
@pytest.mark.parametrize("name", COMPARISONS)
def test_as_many_parameters(name: str, data: str) -> None:
    comparison = COMPARISONS[name]
    sizes = Sizes(BUDGETS[data].lookback, BUDGETS[data].horizon, CHANNELS[data])
    parts = {comparison.part: comparison.options}
    hyper = make_network(sizes, comparison.backbone, comparison.widths, parts)
    assert hyper.parts
    found = list(controls(comparison, sizes))
    assert [backbone for backbone, _ in found] == list(comparison.controls)
    for backbone, widths in found:
        plain = make_network(sizes, backbone, widths)
        assert not plain.parts
        assert count_parameters(plain) == n_parameters(sizes, backbone, widths)
        assert abs(count_parameters(plain) / count_parameters(hyper) - 1) <= 0.02


def test_one_kernel_is_the_tcn_whose_kernels_are_equal() -> None:
    shared = OneKernelTCN(12, 2, d_model=3, dropout=0.0)
    kernels = {id(m.weight) for m in shared.modules() if isinstance(m, CausalConv)}
    assert len(kernels) == 1
    plain = TCN(12, 2, d_model=3, dropout=0.0)
    plain.load_state_dict(shared.state_dict())
    x = torch.randn(4, 2, 12)
    torch.testing.assert_close(shared(x), plain(x), rtol=0, atol=0)
    n_layers = 2 * len(shared.blocks)
    saved = (n_layers - 1) * 3 * 3 * 3
    assert count_parameters(shared) == count_parameters(plain) - saved
