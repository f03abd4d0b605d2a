"""One-shot choice of an architecture, for the forecasters."""

from collections.abc import Mapping, Sequence
from typing import Any

from hyperforecast import darts
from hyperforecast.darts import ArchitectureChoice
from hyperforecast.sktime import parameters
from hyperforecast.sktime.base import BaseHyperforecastForecaster
from hyperforecast.sktime.training import inputs_of_training

VALIDATION_SIZE = 0.2
"""Part of the rows, the last ones, that architectures are compared on where it is not given."""


def choose_architecture(
    forecaster: BaseHyperforecastForecaster,
    search_space: Mapping[str, Sequence[Any]],
    y: Any,
    X: Any = None,
    fh: Any = None,
    *,
    n_epochs: int = 20,
    hyper_hidden: Sequence[int] | None = (),
) -> ArchitectureChoice:
    """Compare all architectures of a search space by training one hypernetwork.

    See :func:`hyperforecast.darts.choose_architecture` for what it does, and for
    ``search_space``, ``n_epochs`` and ``hyper_hidden``. Then
    ``forecaster.set_params(backbone_kwargs=choice.best)`` has the best.

    Parameters
    ----------
    forecaster : BaseHyperforecastForecaster
        What is to be trained with the best architecture: a
        :class:`~hyperforecast.sktime.BackboneForecaster` with ``"tsmixer"``, ``"moderntcn"`` or
        ``"tcn"``, a :class:`~hyperforecast.sktime.HyperTCNForecaster`, or a
        :class:`~hyperforecast.sktime.HyperForecaster` that is one of these. It is not changed. The
        last rows of each instance, as many as its ``validation_size`` says or else a fifth, are
        not trained on: architectures are compared on them.
    search_space : mapping of str to sequence
    y, X, fh
        As to ``fit``.
    n_epochs : int, default=20
    hyper_hidden : sequence of int, optional, default=()

    Returns
    -------
    ArchitectureChoice

    Raises
    ------
    TypeError
        If ``forecaster`` is none of this package.
    ValueError
        As :func:`hyperforecast.darts.choose_architecture` does, and as ``fit`` does.

    Examples
    --------
    >>> from hyperforecast.datasets import load_fertility
    >>> from hyperforecast.sktime import BackboneForecaster, choose_architecture
    >>> forecaster = BackboneForecaster(12, backbone="tsmixer", random_state=0)
    >>> space = {"e_layers": [1, 2], "d_ff": [4, 8]}
    >>> choice = choose_architecture(
    ...     forecaster, space, load_fertility(), fh=[1, 2], n_epochs=1
    ... )
    >>> sorted(choice.best)
    ['d_ff', 'e_layers']
    """
    if not isinstance(forecaster, BaseHyperforecastForecaster):
        raise TypeError(
            "forecaster must be a forecaster of this package, for example "
            f"BackboneForecaster(96, backbone='tsmixer'); got {type(forecaster).__name__}."
        )
    other = forecaster.clone()
    if other.validation_size is None:
        other.set_params(validation_size=VALIDATION_SIZE)
    model, plan = other.planned(y, X, fh)
    _, arguments = inputs_of_training(
        model, plan, scaler=other.scaler, options=parameters.values(other, of="network")
    )
    return darts.choose_architecture(
        model,
        search_space,
        **arguments,
        **parameters.values(other, to="fit"),
        n_epochs=n_epochs,
        hyper_hidden=hyper_hidden,
        verbose=other.verbose,
    )
