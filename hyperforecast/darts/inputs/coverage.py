"""Covariates reach over all windows that are trained on."""

from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset

from hyperforecast.darts.inputs.finite import named


def check_coverage(dataset: TorchTrainingDataset) -> None:
    """Raise if covariates end, or begin, within the windows of their series.

    Darts looks at one window of each series, the last; others would be shorter than the rest.
    """
    if not isinstance(dataset, SequentialTorchTrainingDataset):
        return
    width = dataset.size_of_both_chunks
    # past covariates are seen in the lookback alone
    beyond = width - dataset.input_chunk_length
    for i, (name, series) in enumerate(named(dataset.series, "series")):
        n_windows = -(-(len(series) - width + 1) // dataset.stride)
        if n_windows < 1:
            continue
        n_windows = min(n_windows, dataset.max_samples_per_ts)
        first = len(series) - width - (n_windows - 1) * dataset.stride
        for kind, covariates, last in (
            ("past_covariates", dataset.past_covariates, len(series) - 1 - beyond),
            ("future_covariates", dataset.future_covariates, len(series) - 1),
        ):
            if covariates is not None:
                _check_reach(name.replace("series", kind), covariates[i], series, first, last)


def _check_reach(
    name: str, covariates: TimeSeries, series: TimeSeries, first: int, last: int
) -> None:
    start, end = series.time_index[first], series.time_index[last]
    if type(covariates.start_time()) is not type(start) or covariates.freq != series.freq:
        raise ValueError(
            f"`{name}` must have the times of the series that they belong to, from {start} to "
            f"{end} in steps of {series.freq_str}; theirs begin at {covariates.start_time()}, in "
            f"steps of {covariates.freq_str}. Give them the series' index."
        )
    if covariates.start_time() > start or covariates.end_time() < end:
        raise ValueError(
            f"`{name}` must cover the series that they belong to, from {start} to {end}; they "
            f"reach from {covariates.start_time()} to {covariates.end_time()}."
        )


def check_rows_of_window(
    n_rows: int, lookback: int, horizon: int, shift: int, *, validates: bool = False
) -> None:
    """Raise unless the rows of the longest series hold a window.

    Parameters
    ----------
    n_rows : int
        Of the longest series.
    lookback, horizon, shift : int
        Lengths of a window.
    validates : bool, default=False
        Whether the series are those to validate on, and not to train on.
    """
    lengths = {
        "input_chunk_length": lookback,
        "output_chunk_length": horizon,
        "output_chunk_shift": shift,
    }
    needed = sum(lengths.values())
    if n_rows < needed:
        terms = " + ".join(f"{name}={length}" for name, length in lengths.items() if length)
        what, use = ("`val_series`", "validate") if validates else ("series", "train")
        advice = "Let them begin with the last rows trained on" if validates else "Give more rows"
        raise ValueError(
            f"The {what} are too short to {use} on: a window takes {needed} rows ({terms}), and "
            f"the longest series has {n_rows}. {advice} or choose shorter chunks."
        )
