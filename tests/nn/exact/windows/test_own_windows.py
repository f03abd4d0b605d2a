"""Windows of channels that each have their own, against those of every stretch."""

import torch
from own_windows_cases import N_CHANNELS, columns_of, stretches

from hyperforecast.nn.exact import WindowLayout
from hyperforecast.nn.exact.windows.design_matrix import design_matrix
from hyperforecast.nn.exact.windows.own_windows import OwnWindows


def test_windows_are_those_of_each_channels_stretches() -> None:
    series = stretches(n_past=2, n_future=1)
    windows = OwnWindows(series, 12, N_CHANNELS)
    padded = windows.padded(slice(0, N_CHANNELS))
    for channel in range(N_CHANNELS):
        expected = [
            (one.target[t : t + 12, c], one.past[t : t + 12].T, one.future[t : t + 12].T)
            for one, c in columns_of(series, channel)
            for t in range(len(one.target) - 11)
        ]
        there = padded.there[channel]
        assert there.sum() == len(expected) == windows.n_windows[channel]
        for i, (target, past, future) in enumerate(expected):
            assert torch.equal(padded.target[channel, i], target)
            assert torch.equal(padded.past[channel, i], past)
            assert torch.equal(padded.future[channel, i], future)


def test_each_window_says_of_which_channel_and_series_it_is_and_where_it_begins() -> None:
    series = stretches()
    windows = OwnWindows(series, 12, N_CHANNELS)
    padded = windows.padded(slice(None))
    written = padded.target[padded.there]
    which = zip(windows.channel, windows.series, windows.start, written, strict=True)
    for channel, number, start, window in which:
        one = series[number]
        column = one.numbers.tolist().index(int(channel))
        assert torch.equal(one.target[start : start + 12, column], window)


def test_some_windows_of_some_channels_are_written_out_alone() -> None:
    series = stretches(n_past=1)
    windows = OwnWindows(series, 12, N_CHANNELS)
    whole, part = windows.padded(slice(None)), windows.padded(slice(1, 3), 4, 30)
    assert torch.equal(part.there, whole.there[1:3, 4:34])
    for name in ("target", "past"):
        found, expected = getattr(part, name), getattr(whole, name)[1:3, 4:34]
        assert torch.equal(found[part.there], expected[part.there])


def test_starts_that_are_given_are_the_windows_that_count() -> None:
    series = stretches()
    starts = [torch.arange(0, len(one.target) - 11, 5) for one in series]
    windows = OwnWindows(series, 12, N_CHANNELS, starts)
    assert windows.n_windows.tolist() == [4 + 8, 6 + 2, 8, 0, 3]
    assert (windows.start % 5 == 0).all()


def test_rows_of_a_regression_are_those_of_a_single_channel() -> None:
    for norm in ("none", "last", "mean", "revin"):
        series = stretches(n_past=2, n_future=1, n_static=2)
        layout = WindowLayout(8, 3, 1, norm, unused=2)
        windows = OwnWindows(series, layout.width, N_CHANNELS)
        rows, there = windows.rows(layout, slice(None))
        found = rows.rows()
        for channel in (0, 2, 4):
            expected = [
                design_matrix(one, layout, channels=slice(c, c + 1)).rows()
                for one, c in columns_of(series, channel)
            ]
            for values, parts in zip(found, zip(*expected, strict=True), strict=True):
                together = torch.cat([part[0] for part in parts])
                torch.testing.assert_close(values[channel][there[channel]], together)
            assert all((values[channel][~there[channel]] == 0).all() for values in found)


def test_residuals_are_those_of_a_single_channel() -> None:
    series = stretches(n_past=1, n_future=2, n_static=1)
    layout = WindowLayout(8, 3, 1, "mean")
    windows = OwnWindows(series, layout.width, N_CHANNELS)
    rows, there = windows.rows(layout, slice(None))
    size = layout.regressors(series[0]).total
    weight, future = torch.randn(N_CHANNELS, 3, size).double(), torch.randn(N_CHANNELS, 2).double()
    residuals = rows.residuals(weight, future)
    x, y, f = rows.rows()
    expected = y - torch.einsum("ntp,nhp->nth", x, weight) - torch.einsum("nthf,nf->nth", f, future)
    torch.testing.assert_close(residuals[there], expected[there])
