"""Files that are there whole or not at all, and pairs of files that know each other."""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from glob import escape, glob
from typing import Any

import torch


@contextmanager
def replacing(path: str) -> Iterator[str]:
    """Give the name of a file to write, which takes the place of another when it is complete.

    Parameters
    ----------
    path : str
        File that is replaced. Where writing fails or is cut off, it stays as it was.

    Yields
    ------
    str
        Name of a file in the same folder, so that putting it in place is one step of the system.
    """
    temporary = _temporary_name(path)
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def save_pair(path: str, write: Callable[[str], object]) -> None:
    """Write a model and its weights, two files, so that a load finds those of one save.

    Weights are written to ``path.DIGEST.ckpt`` first, where the digest is that of the model's file.
    Once that file is in its place, so are they in effect: :func:`finish_save` finds them. Moving
    them to ``path.ckpt`` is the last step.

    Parameters
    ----------
    path : str
        The model's file; its weights are in ``path.ckpt``, if it has any.
    write : callable
        Writes the model to the file that it is given the name of, and its weights beside it.
    """
    temporary = _temporary_name(path)
    try:
        write(temporary)
        _flush(temporary)
        pending = None
        if os.path.exists(f"{temporary}.ckpt"):
            _flush(f"{temporary}.ckpt")
            pending = _pending_weights(path, temporary)
            os.replace(f"{temporary}.ckpt", pending)
        os.replace(temporary, path)
        if pending is None:
            _remove(f"{path}.ckpt")  # of the model that was here before
        else:
            with suppress(FileNotFoundError):  # a load was faster
                os.replace(pending, f"{path}.ckpt")
        for left in _all_pending(path):  # by saves that were cut off
            _remove(left)
    finally:
        _remove(temporary)
        _remove(f"{temporary}.ckpt")


def finish_save(path: str) -> None:
    """Put weights in their place where a :func:`save_pair` was cut off just before it did."""
    if os.path.exists(path) and _all_pending(path):
        with suppress(FileNotFoundError):
            os.replace(_pending_weights(path, path), f"{path}.ckpt")


def digest_of_weights(state: Mapping[str, Any]) -> str:
    """Return a digest of the tensors of a state dict, by their names."""
    digest = hashlib.sha256()
    for name, values in sorted(state.items()):
        if torch.is_tensor(values):
            flat = values.detach().cpu().contiguous().reshape(-1)
            digest.update(name.encode())
            digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _temporary_name(path: str) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{uuid.uuid4().hex}")


def _pending_weights(path: str, model: str) -> str:
    """Return where the weights of a model wait that is to be, or is, at ``path``."""
    with open(model, "rb") as file:
        return f"{path}.{hashlib.file_digest(file, 'sha256').hexdigest()}.ckpt"


def _all_pending(path: str) -> list[str]:
    return glob(f"{escape(path)}.{'[0-9a-f]' * 64}.ckpt")


def _flush(path: str) -> None:
    """Wait until a file has left the buffers of the system, so that it outlives a power cut."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.remove(path)
