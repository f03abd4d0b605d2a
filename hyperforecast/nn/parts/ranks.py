"""The rank of what is added to layers of several sizes."""

from collections.abc import Sequence

from hyperforecast.nn.sites import Site


def site_ranks(rank: int, sites: Sequence[Site], *, capped: bool) -> list[int]:
    """Return the rank at every site: the one given, or what the layer can have if that is less.

    Parameters
    ----------
    rank : int
    sites : sequence of Site
    capped : bool
        Whether no layer has to be able to have the rank. If false the largest has to be: maps of
        few covariates have as much of it as they can.

    Raises
    ------
    ValueError
        If ``rank`` is more than makes a difference anywhere.
    """
    bounds = [min(site.n_features, site.n_outputs) for site in sites]
    if not capped and rank > max(bounds):
        largest = sites[bounds.index(max(bounds))]
        raise ValueError(
            f"rank={rank} is more than can make a difference: the layer {largest.name!r} has "
            f"{largest.n_features} inputs and {largest.n_outputs} outputs. Choose rank <= "
            f"{max(bounds)}."
        )
    return [min(rank, bound) for bound in bounds]
