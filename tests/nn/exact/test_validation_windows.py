"""Residual quantiles."""

import pytest
import torch
from made_series import H, L, alike, noise
from naive_windows import design

from hyperforecast.nn.exact import (
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    WindowLayout,
    solve_exact,
)


class TestQuantiles:
    levels = (0.1, 0.5, 0.9)

    @pytest.mark.parametrize("norm", ["none", "last", "revin"])
    def test_cover_what_they_say(self, norm: str) -> None:
        """Of white noise with a deviation for each channel, whatever the norm."""
        deviations = torch.tensor([1.0, 4.0], dtype=torch.float64)
        series = ObservedSeries(noise(8000, 2) * deviations)
        problem = Problem(12, H, search=SearchSpace(norms=(norm,)), quantiles=self.levels)
        solution = solve_exact(problem, [series.rows(0, 6000)])
        offsets = solution.residual_quantiles
        assert offsets.shape == (2, H, 3)
        assert (offsets.diff(dim=2) > 0).all()
        deviations = deviations / solution.units.target.deviation
        test = solution.units.standardise(series.rows(6000, 8000))
        x, y, _ = design(test, WindowLayout(12, H, norm=norm))
        weight, _ = solution.weights.of_channels(solution.mixing)
        forecast = torch.einsum("tcp,chp->tch", x, weight)
        quantiles = forecast[..., None] + offsets * x[..., -1:, None]
        below = (y[..., None] < quantiles).double().mean(dim=0)  # (C, H, P)
        expected = torch.tensor(self.levels, dtype=torch.float64).expand_as(below)
        torch.testing.assert_close(below, expected, rtol=0.0, atol=0.06)
        if norm == "none":  # residuals are the noise itself
            normal = torch.tensor([-1.2816, 0.0, 1.2816], dtype=torch.float64)
            for c in range(2):
                found = offsets[c] / deviations[c]
                torch.testing.assert_close(found, normal.expand_as(found), rtol=0.0, atol=0.2)

    def test_are_of_validation_not_of_training_residuals(self) -> None:
        """Twelve regressors for few windows: training residuals would be far too small."""
        series = ObservedSeries(noise(60, 1))
        problem = Problem(24, 1, quantiles=(0.05, 0.95))
        options = ExactOptions(ridge=1e-5, validation_size=0.4)
        solution = solve_exact(problem, [series], options=options)
        x, y, _ = design(solution.units.standardise(series), WindowLayout(24, 1))
        weight, _ = solution.weights.of_channels(solution.mixing)
        trained = (y - torch.einsum("tcp,chp->tch", x, weight)).std()
        width = solution.residual_quantiles.diff(dim=2)
        assert width.item() > 3.3 * trained.item()

    def test_not_asked_for_are_not_there(self) -> None:
        assert solve_exact(Problem(L, H), [alike()]).residual_quantiles is None
