"""Sites that share sums: what they solve for is what all rows in one place give."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hyperforecast.nn.exact import (
    Combination,
    ExactOptions,
    ExactSolution,
    Frame,
    ObservedSeries,
    Problem,
    Setting,
    SiteRows,
    SiteSums,
    read_exchange,
    shared_frame,
    solve_exact,
    solve_from_sums,
    write_exchange,
)
from hyperforecast.nn.exact.splits.hold_out import LAST_FIFTH, hold_out

PROBLEM = Problem(lookback=6, horizon=3, shift=1)
SETTINGS = (
    Setting("none", 0, False, 0),
    Setting("none", 2, False, 0),
    Setting("last", 4, True, 0),
)
N_CHANNELS = 4


def site(number: int, covariates: bool = False, n_rows: int = 60) -> list[ObservedSeries]:
    """Two series of a site, at a level of its own."""
    generator = torch.Generator().manual_seed(number)

    def rows(n: int, m: int) -> torch.Tensor:
        return torch.randn(n, m, generator=generator, dtype=torch.float64).cumsum(dim=0)

    made = []
    for n in (n_rows, n_rows + 10 * number):
        target = rows(n, N_CHANNELS) * torch.arange(1.0, 5.0) + 10 * number
        past, future = (rows(n, 2), rows(n, 1)) if covariates else (None, None)
        static = rows(N_CHANNELS, 1) if covariates else None
        made.append(ObservedSeries(target, past, future, static))
    return made


def exchanged(
    sites: Sequence[list[ObservedSeries]],
    settings: Sequence[Setting] = SETTINGS,
    options: ExactOptions | None = None,
    folder: Path | None = None,
) -> tuple[Frame, ExactSolution]:
    """What sites solve for together, through files where there is a folder for them."""

    def sent(value: object, name: str) -> object:
        if folder is None:
            return value
        write_exchange(folder / name, value)
        return read_exchange(folder / name)

    rows = [sent(SiteRows.of(PROBLEM, one), f"rows{i}") for i, one in enumerate(sites)]
    frame = sent(shared_frame(rows, settings), "frame")
    sums = [
        sent(SiteSums.of(PROBLEM, one, frame, settings, options), f"sums{i}")
        for i, one in enumerate(sites)
    ]
    return frame, solve_from_sums(PROBLEM, frame, sums, settings, options)


def assert_same(one: ExactSolution, other: ExactSolution, tolerance: float = 1e-8) -> None:
    options = {"rtol": tolerance, "atol": tolerance}
    torch.testing.assert_close(one.weights.weight, other.weights.weight, **options)
    torch.testing.assert_close(one.weights.future, other.weights.future, **options)
    torch.testing.assert_close(one.mixing, other.mixing, **options)
    for kind in ("target", "past", "future", "static"):
        mine, theirs = getattr(one.units, kind), getattr(other.units, kind)
        if theirs is not None:
            torch.testing.assert_close(mine.mean, theirs.mean, **options)
            torch.testing.assert_close(mine.deviation, theirs.deviation, **options)


@pytest.mark.parametrize("covariates", [False, True])
@pytest.mark.parametrize("setting", SETTINGS)
def test_it_is_the_fit_of_all_rows_in_one_place(
    setting: Setting, covariates: bool, tmp_path: Path
) -> None:
    sites = [site(i, covariates) for i in range(4)]
    options = ExactOptions(ridge=0.01)
    _, found = exchanged(sites, [setting], options, tmp_path)
    combination = Combination.alone(replace(setting, ridge=0.01))
    pooled = [one for series in sites for one in series]
    expected = solve_exact(PROBLEM, pooled, options=options, combination=combination)
    assert_same(found, expected)


def test_it_does_not_matter_which_site_has_which_rows() -> None:
    sites = [site(i) for i in range(4)]
    _, found = exchanged(sites)
    _, one_site = exchanged([[one for series in sites for one in series]])
    assert found.setting == one_site.setting
    assert_same(found, one_site)
    errors = [one.validation_mse for one in found.compared]
    torch.testing.assert_close(errors, [one.validation_mse for one in one_site.compared])
    assert min(errors) == next(one.validation_mse for one in found.compared if one.chosen)


def test_validation_is_the_mean_squared_error_of_windows_held_out() -> None:
    """By a loop over the windows of all sites, with weights of those not held out."""
    sites = [site(i) for i in range(2)]
    setting = Setting("none", 0, False, 0, ridge=0.01)
    frame, found = exchanged(sites, [setting], ExactOptions(ridge=0.01))
    split = [hold_out(PROBLEM, one, LAST_FIFTH)[0] for one in sites]
    training = [one for some, _ in split for one in some]
    # of units that are those of all rows, as when they are standardised before
    standard = [frame.units.standardise(one) for one in training]
    design = []
    for one in standard:
        for window in one.target.unfold(0, PROBLEM.width, 1).mT:
            design += [(window[:6, c], window[7:, c]) for c in range(N_CHANNELS)]
    x = torch.stack([torch.cat([own, own.new_ones(1)]) for own, _ in design])
    y = torch.stack([ahead for _, ahead in design])
    centred = x[:, :6] - x[:, :6].mean(dim=0)
    unit = centred.square().sum(dim=0).mean()
    gram = centred.T @ centred + 0.01 * unit * torch.eye(6)
    weight = torch.linalg.solve(gram, centred.T @ (y - y.mean(dim=0)))
    constant = y.mean(dim=0) - x[:, :6].mean(dim=0) @ weight
    errors = []
    for one in (frame.units.standardise(one) for _, some in split for one in some):
        for window in one.target.unfold(0, PROBLEM.width, 1).mT:
            errors.append((window[7:].T - window[:6].T @ weight - constant).square().mean())
    mse = torch.stack(errors).mean().item()
    assert found.compared[0].validation_mse == pytest.approx(mse, rel=1e-6)


def test_what_cannot_be_shared_says_why() -> None:
    with pytest.raises(ValueError, match="needs a series of at least 10 rows"):
        SiteRows.of(PROBLEM, [one.rows(0, 5) for one in site(0)])
    with pytest.raises(ValueError, match="Some sites have past covariates and others have none"):
        shared_frame([SiteRows.of(PROBLEM, site(0)), SiteRows.of(PROBLEM, site(1, True))], SETTINGS)
    rows = [SiteRows.of(PROBLEM, site(0))]
    with pytest.raises(ValueError, match="without factors, neighbours and pooling"):
        shared_frame(rows, [Setting("none", 0, False, 2)])
    with pytest.raises(ValueError, match="No setting to compare"):
        shared_frame(rows, [])
    short = [one.rows(0, 11) for one in site(0)]
    frame = shared_frame([SiteRows.of(PROBLEM, short)], SETTINGS)
    sums = [SiteSums.of(PROBLEM, short, frame, SETTINGS)]
    with pytest.raises(ValueError, match="hold a window out"):
        solve_from_sums(PROBLEM, frame, sums, SETTINGS)
