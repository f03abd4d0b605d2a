"""One pass over all segments is the loop over them."""

import torch

from benchmarks.mola.networks import mola_network
from benchmarks.mola.passes import in_a_loop


def test_the_loop_over_segments_forecasts_the_same():
    network = mola_network("dlinear", {}).eval()
    loop = in_a_loop(network, "dlinear", {})
    x = torch.randn(3, 96, 7)
    torch.testing.assert_close(loop(x), network(x), rtol=1e-4, atol=1e-4)
