"""Files of adapters, apart from the base that they adapt."""

import os
from pathlib import Path

import torch

from hyperforecast.darts.adapters.stages import StagedModule
from hyperforecast.darts.saving.files import digest_of_weights, replacing


def save_adapter(module: StagedModule, path: str | Path) -> None:
    """Save the parameters that the second stage trains, and which base they belong to."""
    names = module.adapter_names()
    state = {name: p.detach().cpu() for name, p in module.named_parameters() if name in names}
    with replacing(os.fspath(path)) as temporary:
        torch.save({"adapter": state, "base": _fingerprint(module)}, temporary)


@torch.no_grad()
def load_adapter(module: StagedModule, path: str | Path) -> None:
    """Load what :func:`save_adapter` saved; raise if it does not fit the module and its base."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    parameters = dict(module.named_parameters())
    expected = {name: tuple(parameters[name].shape) for name in module.adapter_names()}
    found = {name: tuple(values.shape) for name, values in saved["adapter"].items()}
    if found != expected:
        differing = sorted(
            name for name in {*found, *expected} if found.get(name) != expected.get(name)
        )
        raise ValueError(
            f"The adapter in {str(path)!r} does not fit this model: {len(differing)} "
            f"parameters differ, the first is {differing[0]!r} with shape "
            f"{found.get(differing[0])} in the file and {expected.get(differing[0])} in the "
            "model. Make the model with the options that the adapter was trained with."
        )
    if saved["base"] != _fingerprint(module):
        raise ValueError(
            f"The adapter in {str(path)!r} was trained on another base than this model's. "
            "Load the model or the weights that it was adapted from first."
        )
    for name, values in saved["adapter"].items():
        parameters[name].copy_(values)


def _fingerprint(module: StagedModule) -> str:
    """Return a digest of the weights that the second stage leaves as they are."""
    adapters = module.adapter_names()
    state = module.state_dict()
    return digest_of_weights({name: state[name] for name in state.keys() - adapters})
