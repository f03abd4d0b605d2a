"""Which settings are compared for a model, where the user leaves that open."""

from hyperforecast.nn.exact.embeddings.embedding_start import EMBEDDING_STARTS
from hyperforecast.nn.exact.settings.search_space import SearchSpace

COMPARED_NORMS = ("none", "last", "mean")
"""Instance norms compared where none is given, besides the backbone's own."""

EMBEDDING_DIMS = (0, 2, 4, 8)
"""Lengths of the channel embedding compared where none is given."""

FACTOR_COUNTS = (0, 5, 10)
"""Numbers of common factors compared where none is given."""

CHANNELS_PER_FACTOR = 4
"""Number of channels for each factor from which factors are compared unasked."""

FEW_FACTOR_COUNTS = (0, 1)
"""Numbers compared where components of series of their own are too few for more."""

NEIGHBOURS_FROM = 40
"""Number of channels from which the last values of all are compared unasked."""

MAX_INDIVIDUAL = 32
"""Number of channels up to which weights of each channel's own are compared unasked."""

HALVINGS, MIN_LOOKBACK = 3, 8
"""How often the lookback is halved, and the number of steps that are left at least."""

MAX_STRUCTURE = 400
"""Lookback up to which embeddings and factors are compared at all of it."""


def choose_search_space(
    n_channels: int,
    default_norm: str,
    *,
    norm: str | None = None,
    generated: bool = False,
    embedding_dim: int | None = None,
    individual: bool = False,
    n_factors: int | None = None,
    lookback: int | None = None,
    pool: bool = False,
    neighbours: bool = False,
    combine: bool = False,
    own_windows: bool = False,
    n_aligned: int = 1,
    attributed: bool = False,
) -> SearchSpace:
    """Say which settings to compare for a model, from what was given for it.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    default_norm : str
        Instance norm of the backbone, compared first where none is given.
    norm : str, optional
        The instance norm given.
    generated : bool, default=False
        Whether weights are generated from a channel embedding; else they are shared.
    embedding_dim : int, optional
        The length of the embedding given. Several are compared if it is not; one that is given is
        compared with 0, one weight for all channels.
    individual : bool, default=False
        Whether every channel has weights of its own, where they are not generated.
    n_factors : int, optional
        The number of common factors given; compared with none.
    lookback : int, optional
        The longest lookback; only all of the window's is compared if not given.
    pool : bool, default=False
        Whether weights of each channel's own that are drawn towards shared ones are compared, where
        channels may have weights of their own.
    neighbours : bool, default=False
        Whether the last values of all channels are compared with none, where channels may have
        weights of their own, there are enough of them, and the number of factors is not given.
    combine : bool, default=False
        Whether the forecasts of what is compared are added up.
    own_windows : bool, default=False
        Whether channels share no time axis, so that neighbours are left out, and vectors start
        from how each channel depends on its own past.
    n_aligned : int, default=1
        With windows of their own: how many channels share a time axis each, and so can have common
        factors.
    attributed : bool, default=False
        Whether channels are known by attributes: weights of each channel's own are then compared
        as steps from those that attributes generate alone.
    """
    norms = _norms(default_norm) if norm is None else (norm,)
    if generated:
        dims = _embedding_dims(n_channels, embedding_dim)
    else:
        dims = (n_channels,) if individual else (0,)
    starts: tuple[str, ...] = ("correlation",)
    beside_factors: tuple[str, ...] = ()
    factors = _factor_counts(n_aligned if own_windows else n_channels, norms, n_factors)
    if own_windows:
        if n_factors is None and not max(factors):
            factors = _factor_counts(n_aligned, norms, None, FEW_FACTOR_COUNTS)
        neighbours = False
        starts, beside_factors = ("autocorrelation",), ("weights",)
    elif len(dims) > 1:
        starts = tuple(EMBEDDING_STARTS)
    if attributed:
        dims = tuple(dim for dim in dims if dim < n_channels)
    own = n_channels > 1 and (individual or (generated and embedding_dim is None))
    many = n_channels >= NEIGHBOURS_FROM
    return SearchSpace(
        norms=norms,
        embedding_dims=dims,
        n_factors=factors,
        embedding_starts=starts,
        starts_beside_factors=beside_factors,
        lookbacks=(None,) if lookback is None or "revin" in norms else _lookbacks(lookback),
        pooled=pool and own,
        neighbours=neighbours and own and many and n_factors is None and "revin" not in norms,
        combined=combine and "revin" not in norms,  # its deviation is not linear in the window
        embedding_dim_requested=embedding_dim is not None,
        n_factors_requested=n_factors is not None,
    )


def _lookbacks(longest: int) -> tuple[int | None, ...]:
    """Return half of a lookback, a quarter and an eighth, where that leaves enough steps.

    The longest one comes first that is not beyond what embeddings and factors are compared at.
    """
    halved = [longest >> times for times in range(1, HALVINGS + 1)]
    shorter = [steps for steps in halved if steps >= MIN_LOOKBACK]
    lookbacks = [longest, *shorter]
    first = next((steps for steps in lookbacks if steps <= MAX_STRUCTURE), lookbacks[-1])
    ordered = [first, *(steps for steps in lookbacks if steps != first)]
    return tuple(None if steps == longest else steps for steps in ordered)


def _norms(default: str) -> tuple[str, ...]:
    return (default, *(norm for norm in COMPARED_NORMS if norm != default))


def _embedding_dims(n_channels: int, given: int | None) -> tuple[int, ...]:
    if n_channels == 1 or given == 0:
        return (0,)
    if given is not None:
        return 0, given
    dims = tuple(dim for dim in EMBEDDING_DIMS if dim < n_channels)
    return (*dims, n_channels) if n_channels <= MAX_INDIVIDUAL else dims


def _factor_counts(
    n_channels: int,
    norms: tuple[str, ...],
    given: int | None,
    counts: tuple[int, ...] = FACTOR_COUNTS,
) -> tuple[int, ...]:
    if given is not None:
        return (0, given) if given else (0,)
    if norms == ("revin",):
        return (0,)  # would be computed window by window
    return tuple(k for k in counts if CHANNELS_PER_FACTOR * k <= n_channels)
