"""Mutations of the exact solver: small errors that its tests have to notice."""

from mutation import Mutation

FOLDER = "hyperforecast/nn/exact"


def mutate(file: str, name: str, old: str, new: str) -> Mutation:
    return Mutation(name, f"{FOLDER}/{file}", old, new)


RULE = [
    mutate(
        "choice/selection_rule.py",
        "every gain is significant",
        "return exceeds_standard_error(gains, windows.times, windows.series, windows.n_apart)",
        "return True",
    ),
    mutate(
        "choice/selection_rule.py", "any gain is enough", "LEAST_GAIN = 0.01", "LEAST_GAIN = 0.0"
    ),
    mutate("uncertainty/standard_error.py", "blocks and channels", "return any(", "return all("),
    mutate(
        "uncertainty/standard_error.py",
        "one block of a horizon",
        "max(2, n_apart)",
        "max(1, n_apart)",
    ),
    mutate(
        "uncertainty/standard_error.py", "two blocks at most", "MAX_BLOCKS = 8", "MAX_BLOCKS = 2"
    ),
    mutate(
        "choice/selection_rule.py",
        "no significance in the last step",
        "if loses_much or gains_clearly(best, one, windows):",
        "if loses_much:",
    ),
    mutate(
        "choice/selection_rule.py",
        "no least loss in the last step",
        "if loses_much or gains_clearly(best, one, windows):",
        "if gains_clearly(best, one, windows):",
    ),
    mutate(
        "choice/selection.py",
        "no second comparison",
        "            if preferred:\n                selected = self.ridges.best",
        "            if False:\n                selected = self.ridges.best",
    ),
    mutate(
        "choice/selection.py",
        "hopeless views are walked",
        "hopeless = first.error > HOPELESS * near",
        "hopeless = False",
    ),
    mutate(
        "choice/selection.py",
        "views are added up when it is late",
        "            if self.is_late():\n                break\n            start = ",
        "            start = ",
    ),
    mutate(
        "choice/ridge_search.py",
        "ridges are walked to when it is late",
        "                if self.is_late():\n",
        "                if False:\n",
    ),
    mutate(
        "settings/added_up.py",
        "what has no drift is solved again",
        "if last is None or last.setting != drifting:",
        "if True:",
    ),
    mutate(
        "choice/selection.py",
        "no second climb",
        "if selected.setting.n_factors > factors[0]:",
        "if False:",
    ),
    mutate(
        "choice/selection.py",
        "a wish needs a clear gain",
        "        if requested:\n            return rich.error < simple.error\n",
        "",
    ),
    mutate(
        "choice/selection.py",
        "a wish is given up early",
        "goal = None if requested else selected.error",
        "goal = selected.error",
    ),
    mutate(
        "choice/selection.py",
        "the norm is a wish",
        "selected = self._compare(selected, replace(simplest, norm=norm))",
        "selected = self._compare(selected, replace(simplest, norm=norm), True)",
    ),
    mutate(
        "choice/selection.py",
        "embeddings lengthened whatever the error",
        "falls = self.compared[-1].validation_mse < error",
        "falls = True",
    ),
    mutate(
        "choice/selection.py",
        "one head each with factors that were not selected",
        "entry.setting.individual and entry.setting.view == selected.setting.view",
        "entry.setting.individual",
    ),
    mutate(
        "solver.py",
        "blocks in units of the rest",
        "units = training_units(problem, series) if len(parts) > 1 else None",
        "units = None",
    ),
    mutate(
        "choice/selection.py",
        "factors tried with what was selected",
        "setting = replace(lowest, n_factors=n_factors)",
        "setting = replace(selected.setting, n_factors=n_factors)",
    ),
    mutate(
        "uncertainty/standard_error.py",
        "five channels count",
        "MIN_CHANNELS = 6",
        "MIN_CHANNELS = 5",
    ),
    mutate(
        "uncertainty/standard_error.py",
        "seven channels count",
        "MIN_CHANNELS = 6",
        "MIN_CHANNELS = 7",
    ),
    mutate(
        "choice/ridge_search.py", "steps that gain nothing", "FLAT_GAIN = 1e-4", "FLAT_GAIN = 0.0"
    ),
    mutate("choice/ridge_search.py", "a goal far away", "missing / 4)", "missing)"),
    mutate("choice/ridge_search.py", "down whatever there is", "if -fall <= least:", "if False:"),
    mutate("choice/ridge_search.py", "up alone", "for step in (1, -1):", "for step in (1,):"),
]

COLLECTION = [
    mutate(
        "uncertainty/standard_error.py",
        "blocks of windows, not of time",
        "distinct = times.unique()",
        "distinct = times",
    ),
    mutate(
        "splits/validation_windows.py",
        "copies are series of their own",
        "torch.tensor(distinct_numbers(series))",
        "torch.arange(len(series))",
    ),
    mutate(
        "splits/validation_windows.py",
        "copies make windows rare",
        "stride(len(distinct))",
        "stride(len(numbers))",
    ),
    mutate("splits/validation_windows.py", "series begin together", "one.start or 0", "0"),
    mutate("solver.py", "three windows are compared on", "MIN_HELD_OUT = 4", "MIN_HELD_OUT = 3"),
    mutate(
        "splits/hold_out.py",
        "a part without a window",
        "for span in spans if span[1] - span[0] >= problem.width]",
        "for span in spans]",
    ),
    mutate("splits/hold_out.py", "no window held out", "last - 1)  # held-out window", "last)  #"),
]

DAMPING = [
    mutate(
        "linear_algebra.py",
        "damping begins large",
        "limits.eps * largest + limits.tiny",
        "1e4 * limits.eps * largest + limits.tiny",
    ),
    mutate(
        "linear_algebra.py",
        "damping grows fast",
        "more = max(10 * more, least)",
        "more = max(1e4 * more, least)",
    ),
]

MOMENTS = [
    mutate(
        "moments/short_series.py",
        "the last value stays where levels are subtracted",
        "beside[:, last] = beside[:, :, last] = 0.0",
        "beside[:, last] = 0.0",
    ),
    mutate(
        "moments/short_series.py",
        "the last value is counted twice where none is",
        "ones[self._layout.lookback - 1] = 0.0",
        "pass",
    ),
    Mutation(
        "pieces of the correlation leave a step out",
        "hyperforecast/nn/series/correlate.py",
        "hop = size - n_lags + 1",
        "hop = size - n_lags + 2",
    ),
    mutate(
        "moments/window_products.py",
        "what leaves the windows is added",
        "signed = torch.cat([weights, -weights])",
        "signed = torch.cat([weights, weights])",
    ),
    mutate(
        "windows/regressors.py",
        "past covariates in another order",
        "return lags.mT.flatten(-2)",
        "return lags.flatten(-2)",
    ),
    mutate(
        "moments/summing_cache.py",
        "sums are kept where weights are others",
        "self._weights = weights\n        self._sums = []",
        "self._weights = weights",
    ),
    mutate(
        "moments/recurrence.py",
        "levels stay in the targets",
        "own = layout.remove_level(layout.remove_level(own).mT).mT",
        "own = layout.remove_level(own)",
    ),
    mutate(
        "moments/moments.py",
        "half of the cross term",
        "(fitted - 2 * self.xy.mT) * weight",
        "(fitted - self.xy.mT) * weight",
    ),
]

REGRESSION = [
    mutate(
        "moments/pairs.py",
        "a pair is a square",
        "return mixing[:, smaller] * mixing[:, larger]",
        "return mixing[:, larger] * mixing[:, larger]",
    ),
    mutate(
        "regressions/squared_error.py",
        "a pair stands for one order",
        "torch.where(smaller == larger, 1.0, 2.0)",
        "torch.where(smaller == larger, 1.0, 1.0)",
    ),
    mutate(
        "regressions/generated_regression.py",
        "constants are taken for what they would be alone",
        "- self._elimination @ own",
        "",
    ),
    mutate(
        "embeddings/learned_embedding.py",
        "what all channels share is not taken off",
        "target = right[:, 1:] - square[:, 1:, 0]",
        "target = right[:, 1:]",
    ),
]

ADDING_UP = [
    mutate(
        "settings/combination.py",
        "few errors tell as much as many",
        "return max(1.0, ENOUGH / n_independent)",
        "return 1.0",
    ),
    mutate("settings/combination.py", "shares go by validation alone", "PULL = 1.0", "PULL = 1e-9"),
    mutate(
        "regressions/widened_weights.py",
        "a level is added back whole",
        "(one[:, None] - groups.own.sum(dim=-1))",
        "one[:, None].expand(-1, groups.own.shape[1])",
    ),
    mutate(
        "regressions/pooled_regression.py",
        "channels are drawn away from what is shared",
        "weight.mT, alpha=-1)",
        "weight.mT, alpha=1)",
    ),
    mutate(
        "splits/neighbour_regression.py",
        "last values are not centred",
        "self._left - self._mean @ weight",
        "self._left",
    ),
    mutate(
        "choice/selection.py",
        "a drift always goes on",
        'if candidate.setting.norm != "none":',
        "if False:",
    ),
]

GIVEN = [
    mutate("fixed_map.py", "a drift from the first step on", "problem.shift + 1.0 +", "1.0 +"),
    mutate(
        "fixed_map.py",
        "a drift of one series",
        "one.target.diff(dim=0) for one in split.series]",
        "one.target.diff(dim=0) for one in split.series[:1]]",
    ),
    mutate(
        "uncertainty/drift.py",
        "a drift is not damped",
        "1 - uncertainty /",
        "1 - 0 * uncertainty /",
    ),
    mutate(
        "intervals/calibration.py", "the median moves the point", "if problem.centred", "if False"
    ),
    mutate("settings/setting_history.py", "quantiles ask for other settings", "quantiles=(), ", ""),
    mutate(
        "intervals/leave_out.py",
        "chunks are taken for the same",
        "min(of_whole.stop, of_part.stop)",
        "of_whole.stop",
    ),
]

PANELS = [
    mutate(
        "intervals/own_out_of_sample.py",
        "blocks without a gap",
        "gap_beside([WindowSpan(0, span.first, span.stop)], [counts[span.series]], reach)",
        "0",
    ),
    mutate(
        "intervals/own_out_of_sample.py",
        "residuals in units of the window",
        "rows.residuals(*of_channels) / unit, 0.0)",
        "rows.residuals(*of_channels), 0.0)",
    ),
    mutate(
        "intervals/own_out_of_sample.py",
        "missing targets have residuals",
        " & ~windows.gaps(layout.targets, channels, most)",
        "",
    ),
    mutate(
        "intervals/own_effective_size.py",
        "chance correlations count",
        "(means @ means.T).square() - share @ share.T",
        "(means @ means.T).square()",
    ),
    mutate(
        "intervals/own_effective_size.py",
        "stretches count as one",
        "1 + (counts[:, None] - 1)",
        "0 + counts[:, None]",
    ),
    mutate(
        "uncertainty/scale_prior.py",
        "scales differ by chance alone",
        "logs.var().item() - chance",
        "logs.var().item()",
    ),
    mutate(
        "uncertainty/scale_prior.py",
        "more degrees than there are",
        ".clamp(max=degrees.sum().item())",
        "",
    ),
    mutate(
        "intervals/own_calibration.py",
        "a scale is certain",
        "wider = _student_t(levels, degrees)",
        "wider = _student_t(levels, 1e6 * degrees)",
    ),
    mutate(
        "intervals/own_calibration.py",
        "a channel has no shape of its own",
        "found = found + trust(levels, n[..., None]) * (own_ones - found)",
        "found = found + 0 * trust(levels, n[..., None]) * (own_ones - found)",
    ),
    mutate(
        "intervals/own_calibration.py",
        "a channel without windows is still",
        "torch.where((n[:, 0] > 0), level, usual)",
        "level",
    ),
    mutate(
        "windows/own_windows.py",
        "weights are squared",
        "self.arranged(weights).sqrt()",
        "self.arranged(weights)",
    ),
    mutate(
        "solver.py",
        "validation windows have weights",
        "replace(one, weight=None, counts=None)",
        "one",
    ),
    mutate(
        "windows/window_weights.py",
        "steps may count differently",
        "if apart > TOLERANCE or (profile.any() and not profile.all()):",
        "if False:",
    ),
    mutate(
        "windows/window_weights.py",
        "steps that share covariates may count differently",
        "series[0].n_future and uneven",
        "False",
    ),
    mutate(
        "moments/step_moments.py",
        "weights of own windows lie channel by channel",
        "windows.arranged([one.mT for one in weights.steps])",
        "torch.cat([one.mT.flatten(0, 1) for one in weights.steps])",
    ),
]

MUTATIONS = [*GIVEN, *PANELS, *RULE, *COLLECTION, *DAMPING, *MOMENTS, *REGRESSION, *ADDING_UP]
