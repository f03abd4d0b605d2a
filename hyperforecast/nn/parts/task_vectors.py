"""Task vectors: weights of all linear layers, generated from the task."""

from collections.abc import Sequence

from hyperforecast.nn.contexts import TaskVector
from hyperforecast.nn.generators import DenseGenerator, Generator, OuterProduct
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.parts.ranks import site_ranks
from hyperforecast.nn.sites import NetworkSites, check_names, matching


@option_group
class TaskVectorsOptions:
    """Options of task vectors."""

    task_embedding_dim: int = option(
        default=8,
        least=1,
        doc="""Length E of a task's vector. As many tasks have directions of their own in it; more
        of them share what is generated.""",
    )
    rank: int | None = option(
        default=None,
        least=1,
        doc="""Rank r of what is generated, at most the smaller side of a layer: r (O + I) numbers
        for each length of the vector and not O·I. Full if not given.""",
    )
    generated_layers: Sequence[str] | None = option(
        default=None,
        doc="""Names of the layers whose weights depend on the task, with ``*`` for any part of a
        name, for example ``["head"]``; all linear layers if not given.""",
    )


class TaskVectors(TaskVectorsOptions, Part):
    r"""Weights that depend on the task: tasks are learned one after the other, and stay learned.

    .. math:: W_t = W_0 + \sum_k z_{tk} \Phi_k, \qquad\text{or}\qquad
              W_t = W_0 + U(z_t)\, V(z_t)^T \quad\text{of rank } r.

    The first task trains all weights. Each further one trains its own vector and the generators,
    while what they generate for the tasks before is held in place.

    Parameters
    ----------
    {parameters}

    References
    ----------
    von Oswald, Henning, Grewe & Sacramento, "Continual learning with hypernetworks", ICLR 2020,
    arXiv 1906.00695. There one hypernetwork makes all weights, in chunks; here each layer has a
    linear one, on top of a weight that all tasks share.
    """

    slot = "tasks"

    def check(self) -> None:
        """Raise if an option is wrong."""
        check_names(self.generated_layers, "generated_layers")

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Add to the linear layers what the task's vector generates."""
        patterns = ["*"] if self.generated_layers is None else self.generated_layers
        chosen = matching(sites.of_kind("linear"), patterns, "generated_layers")
        context = TaskVector(self.task_embedding_dim)
        ranks: Sequence[int | None] = [None] * len(chosen)
        if self.rank is not None:
            ranks = site_ranks(self.rank, chosen, capped=False)
        for site, rank in zip(chosen, ranks, strict=True):
            sizes = self.task_embedding_dim, site.n_features, site.n_outputs
            bias = sites.layer(site).bias is not None
            generator: Generator
            if rank is None:
                initialise = sites.initialiser(site)
                generator = DenseGenerator(*sizes, initialise=initialise, bias=bias)
            else:
                generator = OuterProduct(*sizes, rank, bias=bias)
            sites.add(site, name, Term(context, generator))
