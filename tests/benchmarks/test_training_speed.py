"""A model's epochs beside those of a bare loop."""

import torch

from benchmarks import training_speed
from benchmarks.protocol import windows


def test_training_speed_trains_model_and_bare_network_in_turns(dataset):
    row = training_speed.compare("dlinear", "hn-mvts", dataset.rows("train"), 8, 4, 16, epochs=2)
    assert row["windows"] == 84 - 12 + 1
    assert row["parameters"] == (1 + 1) * (4 * 16 + 4) + 3
    assert row["ratio"] > 0
    assert row["processor ratio"] > 0


def test_the_bare_loop_is_plain_gradient_descent(dataset):
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(24, 12))
    forecaster = torch.nn.Sequential(network, torch.nn.Unflatten(1, (4, 3, 1)))
    all_windows = windows(dataset.rows("train"), 12)
    weight = network[1].weight.detach().clone().requires_grad_()
    bias = network[1].bias.detach()
    error = all_windows[:, :8].flatten(1) @ weight.T + bias - all_windows[:, 8:].flatten(1)
    error.square().mean().backward()
    optimizer = torch.optim.SGD(forecaster.parameters(), lr=0.1)
    training_speed.bare_epoch(forecaster, optimizer, all_windows, 8, batch_size=1000)
    torch.testing.assert_close(network[1].weight, weight - 0.1 * weight.grad)
