import pytest
import torch

from hyperforecast.nn.layers.batch_norm import BatchNorm


@pytest.fixture
def norm():
    norm = BatchNorm(3, 2).double()
    torch.nn.init.normal_(norm.norm.weight)
    torch.nn.init.normal_(norm.norm.bias)
    return norm


def test_statistics_go_over_all_but_the_last_axes(norm):
    x = torch.randn(4, 5, 3, 2, dtype=torch.float64)
    mean = x.mean(dim=(0, 1))
    variance = x.var(dim=(0, 1), correction=0)
    weight, bias = norm.norm.weight.view(3, 2), norm.norm.bias.view(3, 2)
    expected = (x - mean) / (variance + 1e-5).sqrt() * weight + bias
    torch.testing.assert_close(norm(x), expected)


def test_rows_are_independent_in_eval_mode(norm):
    x = torch.randn(6, 3, 2, dtype=torch.float64)
    norm(x)
    norm.eval()
    together = norm(x)
    torch.testing.assert_close(torch.cat([norm(row) for row in x.split(1)]), together)


def test_a_single_row_takes_the_running_statistics(norm):
    norm(torch.randn(6, 3, 2, dtype=torch.float64) * 3 + 1)
    state = {name: value.clone() for name, value in norm.state_dict().items()}
    row = torch.randn(1, 3, 2, dtype=torch.float64)
    trained = norm(row)
    torch.testing.assert_close(trained, norm.eval()(row))
    torch.testing.assert_close(dict(norm.state_dict()), state)
    assert trained.requires_grad
