import pytest
import torch

from hyperforecast.nn import Condition
from hyperforecast.nn.backbones import LSTM

B, C, L, H, D = 4, 3, 10, 4, 6


def make(**options):
    return LSTM(L, C, **{"horizon": H, "d_model": D, **options}).double().eval()


def condition(n_past=0, n_future=0):
    torch.manual_seed(1)
    return Condition(
        torch.randn(B, C, L).double(),
        torch.randn(B, L, n_past).double(),
        torch.randn(B, H, n_future).double(),
    )


@pytest.mark.parametrize("e_layers", [1, 2])
def test_features_are_those_of_the_last_step(e_layers):
    backbone, given = make(e_layers=e_layers), condition()
    x = given.window
    features = backbone(x, given)
    for n in range(C):
        steps = backbone.embedding(x[:, n, :, None])
        for layer in backbone.layers:
            steps, _ = layer(steps)
        torch.testing.assert_close(features[:, n], steps[:, -1], rtol=0, atol=1e-12)


def test_covariates_are_read_with_their_step_and_the_horizon_s_beside_the_last():
    backbone, given = make(n_past_covariates=3, n_future_covariates=2), condition(3, 2)
    features = backbone(given.window, given)
    for n in range(C):
        seen = torch.cat([given.window[:, n, :, None], given.past_covariates], dim=-1)
        steps, _ = backbone.layers[0](backbone.embedding(seen))
        ahead = backbone.future_embedding(given.future_covariates.flatten(1))
        torch.testing.assert_close(features[:, n], steps[:, -1] + ahead, rtol=0, atol=1e-12)


def test_channels_alone_do_not_see_each_other_and_mixed_ones_do():
    given = condition()
    other = given.window.clone()
    other[:, 1] += 1
    for mixes, expected in ((False, [False, True, False]), (True, [True, True, True])):
        backbone = make(mixes_channels=mixes)
        changed = backbone(given.window, given) != backbone(other, given._replace(window=other))
        assert changed.any(-1).any(0).tolist() == expected


@pytest.mark.parametrize("mixes", [False, True])
@pytest.mark.parametrize("n_future", [0, 2])
def test_writing_step_by_step_is_a_loop_that_feeds_itself(mixes, n_future):
    backbone = make(
        decoding="stepwise",
        mixes_channels=mixes,
        n_past_covariates=n_future,
        n_future_covariates=n_future,
        e_layers=2,
    )
    given = condition(n_future, n_future)
    found = backbone(given.window, given)
    assert found.shape == (B, C, backbone.feature_dim) == (B, C, H * 4)
    groups = [list(range(C))] if mixes else [[n] for n in range(C)]
    for channels in groups:
        values = given.window[:, channels].mT  # (B, L, n)
        sequence = backbone.embedding(torch.cat([values, given.past_covariates], dim=-1))
        for step in range(H):
            y = sequence
            for layer in backbone.layers:
                y, _ = layer(y)  # all over again, from the first step
            said = backbone.readout(y[:, -1]).unflatten(-1, (len(channels), 4))
            expected = found[:, channels].unflatten(-1, (H, 4))[:, :, step]
            torch.testing.assert_close(said, expected, rtol=0, atol=1e-11)
            seen = torch.cat([said[..., 0], given.future_covariates[:, step]], dim=-1)
            sequence = torch.cat([sequence, backbone.step_embedding(seen)[:, None]], dim=1)


def test_a_later_step_changes_no_earlier_feature():
    backbone, given = make(e_layers=2), condition()
    other = given.window.clone()
    other[..., 6:] += 1
    read = []
    for x in (given.window, other):
        steps = backbone.embed(x).flatten(0, 1)  # (B·C, L, D)
        for layer in backbone.layers:
            steps, _ = layer(steps)
        read.append(steps)
    one, two = read
    torch.testing.assert_close(one[..., :6, :], two[..., :6, :], rtol=0, atol=0)
    assert (one[..., 6:, :] != two[..., 6:, :]).any()


def test_without_layer_normalisation_it_is_torchs_lstm():
    backbone, given = make(layer_norm=False), condition()
    layer = backbone.layers[0]
    other = torch.nn.LSTM(D, D, batch_first=True).double()
    order = [0, 1, 3, 2]  # torch's gates are i, f, g, o
    with torch.no_grad():
        for theirs, ours in (
            (other.weight_ih_l0, layer.input_weight),
            (other.weight_hh_l0, layer.hidden_weight),
            (other.bias_ih_l0, layer.bias),
        ):
            theirs.copy_(ours.unflatten(0, (4, D))[order].flatten(0, 1))
        other.bias_hh_l0.zero_()
        expected = other(backbone.embedding(given.window[:, 1, :, None]))[0][:, -1]
        torch.testing.assert_close(
            backbone(given.window, given)[:, 1], expected, rtol=0, atol=1e-12
        )


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"cell": "gru"}, "Unknown cell 'gru'"),
        ({"decoding": "steps"}, "Unknown decoding 'steps'. Did you mean 'stepwise'"),
        ({"d_model": 0}, "d_model must be a whole number >= 1"),
    ],
)
def test_wrong_options(options, match):
    with pytest.raises(ValueError, match=match):
        make(**options)
