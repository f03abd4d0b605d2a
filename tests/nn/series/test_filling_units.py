"""Units of series in which gaps are filled."""

import numpy as np
import torch

from hyperforecast.nn.series.filling_units import FillingUnits
from hyperforecast.nn.series.gap_filler import GapFiller

NAN = torch.nan


def test_means_and_deviations_are_those_of_what_is_there_in_all_stretches_of_a_row() -> None:
    first = torch.tensor([[1.0, NAN], [3.0, 5.0], [NAN, 5.0]])
    second = torch.tensor([[-1e6, 0.0], [1e6, NAN]])
    third = torch.tensor([[8.0, 5.0]])
    units = FillingUnits(6)
    rows = torch.tensor([[2, 3], [4, 5], [2, 3]])
    found = units.start_from([first, second, third], rows)
    expected = [np.array([1.0, 3.0, 8.0]), np.array([5.0]), np.array([-1e6, 1e6]), np.array([0.0])]
    for row, values in enumerate(expected, start=2):
        assert units.mean[row] == np.float32(values.mean())
        assert units.deviation[row] == np.float32(values.std())
    assert units.mean[:2].tolist() == [0.0, 0.0]
    assert units.deviation[:2].tolist() == [1.0, 1.0]
    scaled = torch.cat([found[0][:, 0], found[2][:, 0]])
    np.testing.assert_allclose(np.nanmean(scaled), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.nanstd(scaled), 1.0)
    assert found[0][1:, 1].tolist() == [0.0, 0.0]  # a constant is in units of one


def test_windows_are_filled_as_in_the_units_of_their_rows() -> None:
    filler, units = GapFiller(2, 5), FillingUnits(4)
    units.mean.copy_(torch.tensor([0.0, 10.0, -100.0, 7.0]))
    units.deviation.copy_(torch.tensor([1.0, 2.0, 50.0, 0.0]))
    x = torch.randn(3, 2, 5)
    x[0, 0, 2] = x[2, 1, 0] = NAN
    x[1, 1] = NAN  # none is there: the level of its row
    rows = torch.tensor([[0, 1], [2, 3], [2, 1]])
    found = units.fill(x, filler, rows)
    deviation = torch.tensor([1.0, 2.0, 50.0, 1.0])
    scaled = (x - units.mean[rows][..., None]) / deviation[rows][..., None]
    expected = filler(scaled) * deviation[rows][..., None] + units.mean[rows][..., None]
    torch.testing.assert_close(found, expected)
    assert torch.equal(found[~x.isnan()], x[~x.isnan()])
    assert found[1, 1].tolist() == [7.0] * 5
    whole = x.nan_to_num()
    assert units.fill(whole, filler, rows) is whole
