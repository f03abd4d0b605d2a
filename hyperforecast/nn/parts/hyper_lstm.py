"""HyperLSTM: recurrent weights that change from step to step."""

from hyperforecast.nn.contexts import HyperState
from hyperforecast.nn.generators import RowScale
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.layers.recurrent import Recurrent
from hyperforecast.nn.options import option, option_group
from hyperforecast.nn.parts.base import Part
from hyperforecast.nn.sites import NetworkSites, listed


@option_group
class HyperLSTMOptions:
    """Options of HyperLSTM."""

    hyper_size: int = option(
        default=16, least=1, doc="Number M of features of the small LSTM that reads along."
    )
    hyper_embedding_dim: int = option(
        default=4, least=1, doc="Length N_z of the vectors through which it scales rows."
    )


class HyperLSTM(HyperLSTMOptions, Part):
    r"""The rows of recurrent weights are scaled by a small LSTM that reads along.

    .. math:: \hat h_t = \mathrm{LSTM}([h_{t-1}; x_t],\, \hat h_{t-1}), \qquad
              y_t = d_h(\hat h_t) \odot W_h h_{t-1} + d_x(\hat h_t) \odot W_x x_t + b(\hat h_t).

    Every recurrent layer has a small LSTM of its own. It starts as the layer-normalised LSTM whose
    gates' arguments are a tenth as large; on a backbone without layer normalisation, as the LSTM.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.2 and appendix A.2. With
    ``cell="rnn"`` in ``backbone_kwargs`` it is the HyperRNN of the same section, whose small
    network is an LSTM here, too. The small LSTM has no layer normalisation.
    """

    slot = "recurrence"

    def put_into(self, sites: NetworkSites, name: str) -> None:
        """Scale the rows of all recurrent layers."""
        found = sites.of_kind("recurrent")
        if not found:
            raise ValueError(
                f"The backbone {sites.backbone!r} has no recurrent layers for {name!r} to scale. "
                f"Choose 'lstm'. It has: {listed(sites)}."
            )
        for site in found:
            layer = sites.layer(site)
            assert isinstance(layer, Recurrent)
            cell = layer.cell
            context = HyperState(layer.n_inputs, cell.d_model, self.hyper_size)
            generator = RowScale(
                self.hyper_size,
                cell.n_gates,
                cell.d_model,
                self.hyper_embedding_dim,
                scale=1.0 if cell.gate_norm is None else 0.1,
            )
            sites.add(site, name, Term(context, generator))
