"""What a solved head may be: which weights all channels share, and from which vectors."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from hyperforecast.nn.exact import BasisWeights, Moments
from hyperforecast.nn.exact.regressions.generated_regression import is_direct
from hyperforecast.nn.exact.settings.search_policy import choose_search_space
from hyperforecast.nn.solved_head.feature_rows import FeatureRows
from hyperforecast.nn.solved_head.output_layers import OutputLayers


@dataclass(frozen=True, eq=False)
class HeadForm:
    """A way in which the weights of the channels depend on each other.

    Attributes
    ----------
    embedding_dim : int
        Length E of the channels' vectors.
    individual : bool
        Whether every channel has weights of its own.
    mixing : Tensor, shape (C, M)
        A channel's change is the sum over m of its m-th entry times the m-th solved weight.
    embedding : Tensor, shape (C, E), optional
        The channels' vectors where they are others than those of the network.
    start : BasisWeights, optional
        Those of ``mixing`` that come nearest to the trained weights, where these are left.
    departure : (Tensor, BasisWeights), optional
        Start less trained weights: mixing vectors of the channels, and what they mix.
    """

    embedding_dim: int
    individual: bool
    mixing: Tensor
    embedding: Tensor | None = None
    start: BasisWeights | None = None
    departure: tuple[Tensor, BasisWeights] | None = None

    def shifted(self, channels: slice, moments: Moments) -> Moments:
        """Return moments of what the trained head misses as those of what the start misses."""
        if self.departure is None:
            return moments
        mixing, weights = self.departure
        return residual_moments(moments, *weights.of_channels(mixing[channels]))

    def missed(self, rows: FeatureRows, change: BasisWeights) -> Tensor:
        """Return what start and change miss of rows, (C, T, H)."""
        left = left_of(rows, *change.of_channels(self.mixing))
        if self.departure is None:
            return left
        mixing, weights = self.departure
        return left_of(rows._replace(y=left), *weights.of_channels(mixing))


def left_of(rows: FeatureRows, weight: Tensor, future: Tensor) -> Tensor:
    """Return what weights (C, H, p) and (C, F) leave of rows: (C, T, H)."""
    left = rows.y - rows.x @ weight.mT
    return left - torch.einsum("cthf,cf->cth", rows.f, future) if future.shape[1] else left


def residual_moments(moments: Moments, weight: Tensor, future: Tensor) -> Moments:
    """Return moments whose targets are what given weights leave of them.

    Parameters
    ----------
    moments : Moments
        Of n channels.
    weight : Tensor, shape (n, H, p)
    future : Tensor, shape (n, F)
    """
    xy = moments.xy - moments.xx @ weight.mT
    fy = moments.fy
    if future.shape[1]:
        xy = xy - torch.einsum("nphf,nf->nph", moments.xf, future)
        fy = fy - torch.einsum("nphf,nhp->nf", moments.xf, weight)
        fy = fy - torch.einsum("nfg,ng->nf", moments.ff, future)
    return replace(moments, xy=xy, fy=fy, yy=moments.squared_error(weight, future))


def head_forms(
    layers: OutputLayers, requested: int | None, device: torch.device
) -> tuple[HeadForm, ...]:
    """Return the forms that are compared, those of fewer weights first.

    Parameters
    ----------
    layers : OutputLayers
    requested : int, optional
        Length of the channels' vectors that was asked for, where weights are generated. It is
        compared with 0; lengths up to that of the network, and one head each, are if it is not
        given.
    device : torch.device
        Where the forms are.
    """
    n_channels = layers.network.n_channels
    ones = torch.ones(n_channels, 1, dtype=torch.float64, device=device)
    eye = torch.eye(n_channels).to(ones)
    if layers.channel_weights == "individual":
        return (HeadForm(n_channels, True, eye),)
    if layers.channel_weights == "shared":
        return (HeadForm(0, False, ones),)
    embedding, weights = layers.generated()
    embedding = embedding.to(device)
    weights = BasisWeights(weights.weight.to(device), weights.future.to(device))
    mixing = torch.cat([ones, embedding], dim=1)
    trained_dim = embedding.shape[1]
    dims = choose_search_space(
        n_channels, "none", generated=True, embedding_dim=requested
    ).embedding_dims
    vectors = _components(embedding, weights)
    forms = []
    for dim in sorted({*dims, trained_dim}):
        if dim == n_channels:
            start = BasisWeights(*weights.of_channels(mixing))
            forms.append(HeadForm(dim, True, eye, eye, start))
        elif dim == trained_dim:
            direct = is_direct(mixing.shape[1] * layers.regressors.total)
            forms.append(HeadForm(dim, False, mixing if direct else ones))
        elif dim < trained_dim and is_direct((1 + dim) * layers.regressors.total):
            forms.append(_nearest(vectors[:, :dim], mixing, weights))
    return tuple(forms)


def trained_form(layers: OutputLayers, device: torch.device) -> HeadForm:
    """Return the form that a head has.

    Parameters
    ----------
    layers, device
        See :func:`head_forms`.
    """
    dim = layers.generated()[0].shape[1] if layers.channel_weights == "generated" else None
    return head_forms(layers, dim, device)[-1]


def _nearest(embedding: Tensor, mixing: Tensor, weights: BasisWeights) -> HeadForm:
    """Return the form of some vectors that starts from what comes nearest to given weights."""
    new = torch.cat([torch.ones_like(mixing[:, :1]), embedding], dim=1)
    onto = torch.linalg.pinv(new) @ mixing  # (M', M)
    start = BasisWeights(torch.tensordot(onto, weights.weight, dims=1), onto @ weights.future)
    departure = BasisWeights(
        torch.cat([start.weight, -weights.weight]), torch.cat([start.future, -weights.future])
    )
    both = torch.cat([new, mixing], dim=1)
    return HeadForm(embedding.shape[1], False, new, embedding, start, (both, departure))


def _components(embedding: Tensor, weights: BasisWeights) -> Tensor:
    """Return the principal components of the channels' heads as vectors, the leading ones first.

    So the first d of them are the vectors of length d that lose least of the heads. The first has
    unit variance.
    """
    bases = weights.weight[1:].flatten(1)  # (E, H·p)
    centred = embedding - embedding.mean(dim=0)
    values, vectors = torch.linalg.eigh(centred @ (bases @ bases.T) @ centred.T)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    lengths = (values / values[0].clamp(min=torch.finfo(values.dtype).tiny)).sqrt()
    return vectors * lengths * len(embedding) ** 0.5
