import pytest
import torch
from torch import nn

from hyperforecast.nn import Condition, ForecastingNetwork, count_parameters
from hyperforecast.nn.backbones import ITransformer, check_backbone

L, H, C, D = 10, 4, 3, 12
OPTIONS = {"d_model": D, "n_heads": 3, "e_layers": 2, "d_ff": 20}


def make(n_past=0, n_future=0, **options):
    return ITransformer(
        L,
        C,
        horizon=H,
        n_past_covariates=n_past,
        n_future_covariates=n_future,
        **{**OPTIONS, "dropout": 0.0, **options},
    ).double()


def make_network(**kwargs):
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        backbone="itransformer",
        backbone_kwargs=OPTIONS,
        **kwargs,
    ).double()


def inputs(batch=5, n_past=0, n_future=0):
    sizes = ((L, C), (L, n_past), (H, n_future))
    return [torch.randn(batch, *size, dtype=torch.float64) for size in sizes]


def test_encoder_is_torchs():
    backbone = make(3, 2)
    for parameter in backbone.parameters():
        nn.init.normal_(parameter, std=0.5)
    layer = nn.TransformerEncoderLayer(
        D, 3, 20, dropout=0.0, activation="gelu", batch_first=True, dtype=torch.float64
    )
    theirs = nn.TransformerEncoder(
        layer, 2, norm=nn.LayerNorm(D, dtype=torch.float64), enable_nested_tensor=False
    )
    with torch.no_grad():
        for mine, other in zip(backbone.layers, theirs.layers, strict=True):
            projections = (mine.attention.query, mine.attention.key, mine.attention.value)
            other.self_attn.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
            other.self_attn.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
            other.self_attn.out_proj.load_state_dict(mine.attention.output.state_dict())
            other.linear1.load_state_dict(mine.mlp[0].state_dict())
            other.linear2.load_state_dict(mine.mlp[3].state_dict())
            other.norm1.load_state_dict(mine.attention_norm.state_dict())
            other.norm2.load_state_dict(mine.mlp_norm.state_dict())
        theirs.norm.load_state_dict(backbone.norm.state_dict())
    tokens = torch.randn(4, C + 3, D, dtype=torch.float64)
    torch.testing.assert_close(backbone.encode(tokens), theirs(tokens)[:, :C])


def test_tokens_by_hand():
    backbone = make(3, 2)
    x, past, future = inputs(1, 3, 2)
    windows = x.transpose(1, 2)
    tokens = backbone.embed(windows, Condition(windows, past, future))[0]
    expected = [backbone.embedding(x[0, :, c]) for c in range(C)]
    # of the covariates given over the window, the last two are known over the horizon
    expected += [backbone.past_embedding(past[0, :, 0])]
    expected += [
        backbone.future_embedding(torch.cat([past[0, :, 1 + i], future[0, :, i]])) for i in range(2)
    ]
    torch.testing.assert_close(tokens, torch.stack(expected))


def test_forecasts_follow_a_permutation_of_the_channels():
    network = make_network(n_past_covariates=2, n_future_covariates=1).eval()
    x, past, future = inputs(5, 2, 1)
    order = [2, 0, 1]
    y = network(x, past, future)
    torch.testing.assert_close(network(x[..., order], past, future), y[:, :, order])
    other = x.clone()
    other[..., 0] += torch.randn(5, L)
    # every channel attends to every other
    assert ((network(other, past, future) - y).abs().amax(dim=(0, 1, 3)) > 1e-9).all()


@pytest.mark.parametrize("parts", [{}, {"hn-mvts": {}}])
def test_each_covariate_changes_forecasts(parts):
    network = make_network(
        parts=parts, n_past_covariates=3, n_future_covariates=2, n_static_covariates=1
    ).eval()
    assert network.past_covariate_map is None
    assert network.future_covariate_map is None
    assert network.static_covariate_map is not None
    given = inputs(5, 3, 2)
    static = torch.zeros(5, C, 1, dtype=torch.float64)
    y = network(*given, static)
    for kind in (1, 2):
        for i in range(given[kind].shape[-1]):
            changed = [value.clone() for value in given]
            changed[kind][..., i] += torch.randn(5, changed[kind].shape[1])
            assert (network(*changed, static) - y).abs().min() > 0


def test_learns_a_target_that_is_a_future_covariate():
    network = ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=1,
        backbone="itransformer",
        backbone_kwargs={"d_model": 32, "dropout": 0.0},
        instance_norm="none",
        n_past_covariates=1,
        n_future_covariates=1,
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(300):
        covariate = torch.randn(64, L + H, 1)
        loss = nn.functional.mse_loss(
            network(covariate[:, :L], covariate[:, :L], covariate[:, L:])[..., 0], covariate[:, L:]
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1  # the variance of the target is 1


def test_parameter_count():
    embedding = L * D + D
    layer = 4 * (D * D + D) + (D * 20 + 20) + (20 * D + D) + 2 * (2 * D)
    head = D * H + H
    expected = embedding + 2 * layer + 2 * D + head
    assert count_parameters(make_network()) == expected
    past_and_known = (L * D + D) + ((L + H) * D + D)
    network = make_network(n_past_covariates=5, n_future_covariates=2)
    assert count_parameters(network) == expected + past_and_known
    only_known = make_network(n_past_covariates=2, n_future_covariates=2)
    assert count_parameters(only_known) == expected + ((L + H) * D + D)


def test_a_covariate_of_the_horizon_must_be_given_over_the_window():
    with pytest.raises(ValueError, match=r"among those given over the window.*covariates=1 and"):
        make_network(n_past_covariates=1, n_future_covariates=2)


@pytest.mark.parametrize("option", ["horizon", "n_past_covariates", "n_future_covariates"])
def test_sizes_of_the_network_are_no_options(option):
    with pytest.raises(ValueError, match=f"has no option '{option}'.*'d_model'"):
        check_backbone("itransformer", {option: 1})
