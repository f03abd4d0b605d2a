"""HyperLSTM as a layer, outside a forecasting network."""

from hyperforecast.nn import HyperRecurrent, HyperState, Recurrent, RowScale, Term


def hyper_layer(n_inputs: int, d_model: int, hyper_size: int, dim: int) -> HyperRecurrent:
    """Make a HyperLSTM: D features, a small LSTM of M features, vectors of N_z numbers."""
    layer = HyperRecurrent(Recurrent(n_inputs, d_model), n_axes=3)
    context = HyperState(n_inputs, d_model, hyper_size)
    layer.add("hyper-lstm", Term(context, RowScale(hyper_size, 4, d_model, dim, 0.1)))
    return layer
