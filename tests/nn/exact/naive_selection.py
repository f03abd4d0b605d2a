"""The whole selection on windows written out: every ridge solved, every forecast made.

Written from what docs/exact-solver.md and docs/exact-solver-mathematics.md say, not from the
solver's code. No moments, no eliminations, nothing kept; the only step not taken again is the
window itself, from :mod:`naive_windows`. Without future covariates, and without learned embeddings.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf
from statistics import stdev

import torch
from naive_windows import design
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries, Problem, Setting, WindowLayout
from hyperforecast.nn.exact.settings.options import FIRST_RIDGE, RIDGES

FACTOR_LOOKBACK = 12


@dataclass
class Fit:
    """A setting with its ridge, and the squared errors of its forecasts (C, T)."""

    setting: Setting
    errors: Tensor

    @property
    def mse(self) -> float:
        return self.errors.mean().item()


class NaiveSelection:
    """The selection for one problem."""

    def __init__(
        self,
        problem: Problem,
        training: Sequence[ObservedSeries],
        validation: Sequence[ObservedSeries],
    ) -> None:
        self.problem, self.search = problem, problem.search
        self.training, self.validation = in_units_of_training(problem, training, validation)
        self.n_channels = training[0].n_channels
        # each series is centred on its own means, so that levels are no correlation
        centred = torch.cat([one.target - one.target.mean(dim=0) for one in self.training])
        deviation = centred.square().mean(dim=0).sqrt()
        standardised = centred / deviation
        values, vectors = torch.linalg.eigh(standardised.T @ standardised / len(standardised))
        values, vectors = values.flip(0), vectors.flip(1)
        self.embedding = vectors * values.clamp(min=0).sqrt()
        self.loadings = vectors / values.clamp(min=1e-12).sqrt() / deviation[:, None]
        self.fits: dict[Setting, list[Fit]] = {}
        self.compared: list[Fit] = []

    def select(self) -> Fit:
        """Return what is selected."""
        search = self.search
        norm, dim, n_factors = search.norms[0], search.embedding_dims[0], search.n_factors[0]
        simplest = self.setting(norm, dim, n_factors)
        fit = self.best(simplest, RIDGES.index(FIRST_RIDGE))
        self.compared.append(fit)
        for norm in search.norms[1:]:
            fit = self.compare(fit, replace(simplest, norm=norm))
        fit = self.climb(fit)
        tried = [one for one in self.compared if one.setting.norm == fit.setting.norm]
        lowest = min(tried, key=lambda one: one.mse).setting
        for n_factors in search.n_factors[1:]:
            richer = replace(lowest, n_factors=n_factors, ridge=0.0)
            fit = self.compare(fit, richer, search.n_factors_requested)
            if fit.setting.n_factors != n_factors:
                break
        if fit.setting.n_factors > search.n_factors[0]:
            fit = self.climb(fit)
        return self.strengthened(fit)

    def climb(self, fit: Fit) -> Fit:
        """Longer and longer embeddings, as long as each is better than the one before."""
        before, falls = fit.mse, True
        for dim in self.search.embedding_dims:
            if dim <= fit.setting.embedding_dim or not (falls or dim == self.n_channels):
                continue
            setting = self.setting(fit.setting.norm, dim, fit.setting.n_factors)
            fit = self.compare(fit, setting, self.search.embedding_dim_requested)
            falls, before = self.compared[-1].mse < before, self.compared[-1].mse
        return fit

    def compare(self, simple: Fit, setting: Setting, requested: bool = False) -> Fit:
        """The richer one with the ridge of the simpler one, or each with its best."""
        ridge = RIDGES.index(simple.setting.ridge)
        rich = self.fit(replace(setting, ridge=simple.setting.ridge))
        if not self.is_preferred(rich, simple, requested):
            rich = self.best(setting, ridge)
            if self.is_preferred(rich, simple, requested):
                simple = self.best(simple.setting, ridge)
        self.compared.append(rich)
        return rich if self.is_preferred(rich, simple, requested) else simple

    def is_preferred(self, rich: Fit, simple: Fit, requested: bool) -> bool:
        if requested:
            return rich.mse < simple.mse
        return simple.mse - rich.mse > 0.01 * simple.mse and self.is_clear(rich, simple)

    def strengthened(self, fit: Fit) -> Fit:
        """The largest ridge that loses neither clearly nor more than one per cent."""
        best = chosen = self.best(fit.setting, RIDGES.index(fit.setting.ridge))
        for stronger in self.all_ridges(best.setting)[RIDGES.index(best.setting.ridge) + 1 :]:
            clear = stronger.mse > best.mse and self.is_clear(best, stronger)
            if clear or stronger.mse > 1.01 * best.mse:
                break
            chosen = stronger
        return chosen

    def best(self, setting: Setting, start: int) -> Fit:
        """Down the valley of the error, from a ridge on."""
        fits = self.all_ridges(setting)
        lowest = start
        for step in (1, -1):
            fall, flat = -inf, 0.0
            while 0 <= lowest + step < len(fits):
                fall = fits[lowest].mse - fits[lowest + step].mse
                flat = 1e-4 * fits[lowest].mse
                lowest += step if fall > 0 else 0
                if fall <= flat:
                    break
            if lowest != start or -fall <= flat:
                break
        return fits[lowest]

    def is_clear(self, rich: Fit, simple: Fit) -> bool:
        """More than one standard error, over blocks of time or channels of series."""
        gains, width = simple.errors - rich.errors, self.problem.width
        times = [
            (one.start or 0) + t
            for one in self.validation
            for t in range(len(one.target) - width + 1)
        ]
        distinct = sorted(set(times))
        n_apart = len(distinct) // self.problem.horizon
        n_blocks = max(1, min(8, max(2, n_apart), len(distinct) // 2))
        length, longer = divmod(len(distinct), n_blocks)
        blocks: list[list[float]] = []
        for number in range(n_blocks):
            first = number * length + min(number, longer)
            block = {*distinct[first : first + length + (number < longer)]}
            held = [k for k, time in enumerate(times) if time in block]
            blocks.append(gains[:, held].flatten().tolist())
        replicates = [mean(block) for block in blocks]
        n_windows = [len(one.target) - width + 1 for one in self.validation]
        channels = [one.mean().item() for some in gains.split(n_windows, dim=1) for one in some]
        gain = gains.mean().item()
        return exceeds(gain, replicates) or (len(channels) >= 6 and exceeds(gain, channels))

    def fit(self, setting: Setting) -> Fit:
        """A setting with its ridge."""
        return self.all_ridges(setting)[RIDGES.index(setting.ridge)]

    def setting(self, norm: str, dim: int, n_factors: int) -> Setting:
        return Setting(norm, dim, dim == self.n_channels, n_factors)

    def all_ridges(self, setting: Setting) -> list[Fit]:
        """A setting with every ridge."""
        setting = replace(setting, ridge=0.0)
        if setting not in self.fits:
            x, y, groups = self.rows(self.training, setting)
            x_new, y_new, _ = self.rows(self.validation, setting)
            every = [slice(c, c + 1) for c in range(self.n_channels)]
            parts = every if setting.individual else [slice(None)]
            models = [Rows(x[:, c], y[:, c], groups) for c in parts]
            self.fits[setting] = []
            for ridge in RIDGES:
                weights = [model.solve(ridge) for model in models]
                if setting.individual:
                    forecast = torch.stack(
                        [x_new[:, c] @ weight for c, weight in enumerate(weights)], dim=1
                    )
                else:
                    forecast = x_new @ weights[0]
                errors = (y_new - forecast).square().mean(dim=2).T
                self.fits[setting].append(Fit(replace(setting, ridge=ridge), errors))
        return self.fits[setting]

    def rows(
        self, series: Sequence[ObservedSeries], setting: Setting
    ) -> tuple[Tensor, Tensor, list[str]]:
        """Regressors times each mixing weight (T, C, M·p), targets (T, C, H), and p groups."""
        problem, n_factors = self.problem, setting.n_factors
        layout = WindowLayout(
            problem.lookback,
            problem.horizon,
            problem.shift,
            setting.norm,
            self.loadings[:, :n_factors] if n_factors else None,
            min(FACTOR_LOOKBACK, problem.lookback) if n_factors else 0,
        )
        designs = [design(one, layout) for one in series]
        x, y = (torch.cat([one[i] for one in designs]) for i in (0, 1))
        dim = 0 if setting.individual else setting.embedding_dim
        mixing = torch.cat([torch.ones(self.n_channels, 1).to(x), self.embedding[:, :dim]], dim=1)
        n_past, n_static = series[0].n_past, series[0].n_static
        groups = ["own"] * problem.lookback
        groups += [f"past {q}" for q in range(n_past)] * problem.lookback  # step by step
        groups += ["factors"] * n_factors * layout.factor_lookback
        groups += [f"static {k}" for k in range(n_static)] + ["constant"]
        return torch.einsum("cm,tcp->tcmp", mixing, x).flatten(2), y, groups


class Rows:
    """A ridge regression on rows written out; constants are not penalised.

    The ridge of a group of regressors is in units of the mean square that the constants leave of
    them, over all mixing weights.
    """

    def __init__(self, x: Tensor, y: Tensor, groups: list[str]) -> None:
        self.x, self.y = x.flatten(0, 1), y.flatten(0, 1)
        repeated = groups * (self.x.shape[1] // len(groups))
        constants = self.x[:, [group == "constant" for group in repeated]]
        left = self.x - constants @ torch.linalg.pinv(constants) @ self.x
        squares = left.square().sum(dim=0).tolist()
        members = {
            name: [s for s, g in zip(squares, repeated, strict=True) if g == name]
            for name in groups
        }
        units = [0.0 if name == "constant" else mean(members[name]) for name in repeated]
        self.units = torch.tensor(units, dtype=torch.float64)

    def solve(self, ridge: float) -> Tensor:
        penalty = torch.diag((ridge * self.units).sqrt())
        targets = torch.cat([self.y, self.y.new_zeros(len(penalty), self.y.shape[1])])
        return torch.linalg.lstsq(torch.cat([self.x, penalty]), targets, driver="gelsd").solution


def in_units_of_training(
    problem: Problem, training: Sequence[ObservedSeries], validation: Sequence[ObservedSeries]
) -> tuple[list[ObservedSeries], list[ObservedSeries]]:
    """Less the training mean and by the training deviation: of each channel and covariate."""
    ahead = problem.width - problem.lookback  # rows at which past covariates are not seen

    def units(parts: list[Tensor | None]) -> tuple[Tensor, Tensor]:
        given = [part for part in parts if part is not None]
        rows = torch.cat(given) if given else torch.zeros(2, 0)
        return rows.mean(dim=0), (rows - rows.mean(dim=0)).square().mean(dim=0).sqrt()

    target = units([one.target for one in training])
    past = units([None if one.past is None else one.past[:-ahead] for one in training])
    static = units([one.static for one in training])

    def standardised(values: Tensor | None, unit: tuple[Tensor, Tensor]) -> Tensor | None:
        return None if values is None else (values - unit[0]) / unit[1]

    scaled = [
        [
            replace(
                one,
                target=standardised(one.target, target),
                past=standardised(one.past, past),
                static=standardised(one.static, static),
            )
            for one in several
        ]
        for several in (training, validation)
    ]
    return scaled[0], scaled[1]


def mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)


def exceeds(gain: float, replicates: list[float]) -> bool:
    return len(replicates) > 1 and gain > stdev(replicates) / len(replicates) ** 0.5
