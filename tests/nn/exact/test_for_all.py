"""The weight that all channels would share, kept where each has its own."""

import torch

from hyperforecast.nn.contexts.attributes import free_parts
from hyperforecast.nn.exact import ExactOptions, ObservedSeries, Problem, SearchSpace, solve_exact
from hyperforecast.nn.exact.write_solution import solved_network

L, H, C = 6, 2, 4

ARGUMENTS = {
    "lookback": L,
    "horizon": H,
    "n_channels": C,
    "backbone": "dlinear",
    "parts": {"hn-mvts": {}},
}


def series() -> ObservedSeries:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(200, C, generator=generator).double()
    decay = torch.linspace(0.0, 0.9, C).double()
    for t in range(1, len(values)):
        values[t] += decay * values[t - 1]
    return ObservedSeries(values)


def test_a_vector_of_zeros_forecasts_as_one_head_for_all_would() -> None:
    """Solved with the same ridge, in each case on all rows."""
    options = ExactOptions(ridge=1e-3)
    own, shared = (
        solve_exact(
            Problem(L, H, search=SearchSpace(embedding_dims=(dim,))), [series()], options=options
        )
        for dim in (C, 0)
    )
    assert own.setting.one_each
    assert shared.shared is None
    assert own.shared is not None
    torch.testing.assert_close(own.shared.weight, shared.weights.weight)
    network, plain = (solved_network(ARGUMENTS, one).eval() for one in (own, shared))
    x = torch.randn(3, L, C).double()
    with torch.no_grad():
        before = network(x)
        for name in free_parts(network):
            network.get_parameter(name).zero_()
        torch.testing.assert_close(network(x), plain(x))
        assert not torch.allclose(before, plain(x))
