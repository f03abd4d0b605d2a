"""The vector of a task: where it starts, and weights that all channels share."""

import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.contexts import TaskVector


def test_it_starts_where_no_other_task_is() -> None:
    others = [torch.tensor([[1.0, 2.0, 0.0]]), torch.tensor([[0.0, 1.0, -1.0]])]
    context = TaskVector(3)
    context.start_apart_from(others)
    across = torch.linalg.cross(others[0], others[1])  # the one direction that is left
    torch.testing.assert_close(context().norm(), torch.tensor(1.0))
    torch.testing.assert_close(
        (context() @ across.T).abs().squeeze(), across.norm(), rtol=1e-5, atol=0
    )


def test_the_weight_of_every_layer_is_the_shared_one_and_what_is_generated() -> None:
    parts = {"hn-mvts": {"channel_embedding_dim": 1}, "task-vectors": {"task_embedding_dim": 2}}
    network = ForecastingNetwork(
        lookback=8, horizon=3, n_channels=2, backbone="rmlp", parts=parts
    ).eval()
    layers = {name for name, module in network.named_modules() if name.endswith("task-vectors")}
    assert {name.partition(".terms")[0] for name in layers} >= {"head", "backbone.embedding"}

    z = network.contexts("task-vectors")[0].weight[0]
    for name in ("head", "backbone.embedding"):
        layer = network.get_submodule(name)
        bases = layer.terms["task-vectors"].generator.weight_bases
        expected = layer.weight + z[0] * bases[0] + z[1] * bases[1]
        if name == "head":  # a weight for each channel beside
            own = layer.terms["hn-mvts"]
            expected = expected + own.context.weight[:, :, None] * own.generator.weight_bases
        torch.testing.assert_close(layer.generate()[0], expected)

    window = torch.randn(4, 8, 2)
    torch.testing.assert_close(network.fold()(window), network(window))
