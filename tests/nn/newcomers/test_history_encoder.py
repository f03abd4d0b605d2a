"""What is read of a history."""

import math

import numpy as np
import torch

from hyperforecast.nn.newcomers import HistoryEncoder

L = 6


def encoder() -> HistoryEncoder:
    torch.manual_seed(0)
    made = HistoryEncoder(L, torch.randn(10, 3).double())
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


def test_features_are_correlations_changes_and_length() -> None:
    rows = torch.tensor([1.0, 4.0, 2.0, 8.0, 5.0]).double()
    found = encoder().features([[rows]])[0].numpy()
    centred = (rows - rows.mean()).numpy()
    square = (centred**2).sum()
    for lag in range(1, L + 1):
        expected = (centred[lag:] * centred[:-lag]).sum() / square if lag < 5 else 0.0
        np.testing.assert_allclose(found[lag - 1], expected, atol=1e-6)
    changes = (np.diff(rows.numpy()) ** 2).sum()
    np.testing.assert_allclose(found[L], math.log(changes / square), rtol=1e-4)
    np.testing.assert_allclose(found[L + 1], 5**-0.5, rtol=1e-6)


def test_unit_level_and_a_cut_between_stretches_make_no_difference() -> None:
    rows = torch.randn(40, generator=torch.Generator().manual_seed(0)).double()
    found = encoder().features([[rows], [1e6 + 1e3 * rows], [torch.ones(9)]])
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)
    assert found[2].isfinite().all()
    both = encoder().features([[rows[:20], rows[20:]]])[0]
    assert both[-1] == found[0, -1]
    assert not torch.equal(both, found[0])  # no change, and no lag, goes over the cut


def test_it_is_kept_as_plain_values() -> None:
    made = encoder().eval()
    made.own_weight = 0.1
    again = HistoryEncoder.from_state(made.state())
    rows = [torch.randn(30)]
    assert torch.equal(again.place(rows), made.place(rows))
    assert again.own_weight == 0.1
    assert torch.equal(again.places, made.places)


def test_a_channel_moves_as_far_as_what_is_said_is_trusted() -> None:
    made = HistoryEncoder(L, torch.randn(10, 3).double(), torch.tensor([1.0, 2.0, 3.0]).double())
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    rows = [torch.randn(8).double(), torch.randn(8).double()]
    said = made.said([rows])[0]
    torch.testing.assert_close(made.place(rows), said)
    made.trust = {8: 0.2, 32: 0.6}
    torch.testing.assert_close(made.place(rows), made.start + 0.4 * (said - made.start))
    few = [torch.randn(3).double()]
    expected = made.start + 0.2 * (made.said([few])[0] - made.start)
    torch.testing.assert_close(made.place(few), expected)
    again = HistoryEncoder.from_state(made.state())
    assert torch.equal(again.place(rows), made.place(rows))


def test_files_from_before_there_was_any_doubt_are_read() -> None:
    made = encoder().eval()
    state = made.state()
    del state["trust"]
    del state["tensors"]["start"]
    rows = [torch.randn(30)]
    assert torch.equal(HistoryEncoder.from_state(state).place(rows), made.place(rows))
