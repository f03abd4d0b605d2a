"""What an object was before a training that failed."""

import copy
from collections.abc import Callable
from typing import Any

from torch import nn


def remembered(model: Any) -> Callable[[], None]:
    """Remember a Darts model and the weights of its module.

    Parameters
    ----------
    model : HyperforecastModel

    Returns
    -------
    callable
        Puts everything back, in place: whoever holds the module or its network sees it too.
    """
    attributes = _attributes(model)
    if (random := attributes.get("_random_instance")) is not None:
        attributes["_random_instance"] = copy.deepcopy(random)
    put_back_module = None if model.model is None else _remembered_module(model.model)

    def put_back() -> None:
        _set_attributes(model, attributes)
        if put_back_module is not None:
            put_back_module()

    return put_back


def _remembered_module(module: nn.Module) -> Callable[[], None]:
    attributes = [(one, _attributes(one)) for one in module.modules()]
    tensors = [
        (tensor, tensor.detach().clone(), tensor.requires_grad)
        for tensor in (*module.parameters(), *module.buffers())
    ]

    def put_back() -> None:
        for one, before in attributes:
            _set_attributes(one, before)
        for tensor, values, requires_grad in tensors:
            tensor.data = values  # not a copy into it: training may change type and device
            tensor.requires_grad = requires_grad
        module.train()  # generated weights that were kept are forgotten
        for one, before in attributes:
            one.training = before["training"]

    return put_back


def _attributes(of: Any) -> dict[str, Any]:
    """Return the attributes of an object; dicts among them are copied, for they are written to."""
    return {
        name: copy.copy(value) if isinstance(value, dict) else value
        for name, value in vars(of).items()
    }


def _set_attributes(of: Any, values: dict[str, Any]) -> None:
    vars(of).clear()
    vars(of).update(values)
