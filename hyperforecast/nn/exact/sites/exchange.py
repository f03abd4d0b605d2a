"""Files by which sites exchange sums."""

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.settings.frame import Frame
from hyperforecast.nn.exact.sites.federated import SiteSums
from hyperforecast.nn.exact.sites.site_rows import ColumnSums, SiteRows
from hyperforecast.nn.exact.windows.units import MeanDeviation, Units

_KINDS = {
    cls.__name__: cls
    for cls in (ColumnSums, Frame, MeanDeviation, Moments, SiteRows, SiteSums, Units)
}

Exchanged = SiteRows | Frame | SiteSums


def write_exchange(path: str | os.PathLike, value: Exchanged) -> None:
    """Write what sites exchange; a file that is there is whole.

    Parameters
    ----------
    path : str or path
    value : SiteRows, Frame or SiteSums
    """
    unfinished = f"{os.fspath(path)}.unfinished"
    torch.save(_plain(value), unfinished)
    os.replace(unfinished, path)


def read_exchange(path: str | os.PathLike) -> Any:
    """Read a file of :func:`write_exchange`: numbers and names, of which no code is run."""
    return _made(torch.load(path, map_location="cpu", weights_only=True))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {"mapping": [[key, _plain(one)] for key, one in value.items()]}
    if is_dataclass(value):
        items = {one.name: getattr(value, one.name) for one in fields(value)}
    elif isinstance(value, MeanDeviation):
        items = value._asdict()
    else:
        return value
    return {"kind": type(value).__name__, **{name: _plain(one) for name, one in items.items()}}


def _made(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if "mapping" in value:
        return {key: _made(one) for key, one in value["mapping"]}
    made = {name: _made(one) for name, one in value.items() if name != "kind"}
    return _KINDS[value["kind"]](**made)
