"""Generation of a scale for every row of recurrent weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class RowScale(nn.Module):
    r"""Scales of the rows of a layer's two weights, and its bias, through short vectors.

    .. math:: z_h = \hat W_h \hat h + \hat b_h, \quad d_h = L_h z_h, \qquad
              z_x = \hat W_x \hat h + \hat b_x, \quad d_x = L_x z_x, \qquad
              z_b = \hat W_b \hat h, \quad b = L_b z_b

    for each of G gates. A row-scaled weight is :math:`\mathrm{diag}(d) W`: it changes with the
    context at the price of D numbers, not D².

    Parameters
    ----------
    context_dim : int
        Length M of a context.
    n_gates, d_model : int
        Number G of gates, and of features D of each.
    dim : int
        Length :math:`N_z` of the vectors z.
    scale : float
        What the scales start at, whatever the context; the bias starts at zero.

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, equations 11 and 12, and the start of
    appendix A.2.3 with one deviation. There all entries of :math:`L` are equal, and
    :math:`\hat W_h, \hat W_x` are zero: the entries of a z would get equal gradients for ever, and
    all rows of a gate one scale. Here entries of :math:`L` differ, with the same sum over those of
    a z, so the scales start the same.
    """

    def __init__(
        self, context_dim: int, n_gates: int, d_model: int, dim: int, scale: float
    ) -> None:
        super().__init__()
        self.n_gates = n_gates
        n_vectors = 3 * n_gates  # of the hidden weight, of the input weight, of the bias
        self.projection = nn.Parameter(torch.zeros(n_vectors, dim, context_dim))
        self.offset = nn.Parameter(torch.ones(2 * n_gates, dim))
        self.expansion = nn.Parameter(torch.full((n_vectors, dim, d_model), scale / dim))
        with torch.no_grad():
            nn.init.normal_(self.projection[2 * n_gates :], std=0.01)
            self.expansion[2 * n_gates :].zero_()
            differing = torch.randn(2 * n_gates, dim, d_model) * (scale / dim)
            self.expansion[: 2 * n_gates] += differing - differing.mean(dim=1, keepdim=True)

    def generate(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Generate scales (N, 2, G·D), of the hidden and the input weight, and biases (N, G·D)."""
        n_vectors, dim, d_model = self.expansion.shape
        offset = functional.pad(self.offset, (0, 0, 0, self.n_gates)).flatten()
        z = torch.addmm(offset, context, self.projection.flatten(0, 1).T)  # (N, 3·G·N_z)
        d = torch.bmm(z.unflatten(1, (n_vectors, dim)).transpose(0, 1), self.expansion)
        rows = d.transpose(0, 1).reshape(context.shape[0], 3, self.n_gates * d_model)
        return rows[:, :2], rows[:, 2]

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        _, dim, d_model = self.expansion.shape
        return f"n_gates={self.n_gates}, d_model={d_model}, dim={dim}"
