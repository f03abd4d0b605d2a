"""Layers whose weights are generated and do not depend on the input."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Self

import torch
from torch import Tensor, nn


class StaticLayer(nn.Module, ABC):
    """A layer whose weights are generated from contexts that do not depend on the input.

    In ``eval`` mode without gradients the weights are generated once and kept until a parameter
    changes or ``train()`` is called; :meth:`fold` returns the plain layer that the trained one
    amounts to. Neither changes the layer. What is written into a parameter's ``.data`` is not seen
    before :meth:`forget_if_written_to`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[bool, tuple[tuple, tuple[Tensor, Tensor | None]]] = {}
        self._kept_of: list[Tensor] = []
        self._modules_held: list[nn.Module] = []

    @abstractmethod
    def generate(self, shared: bool = False) -> tuple[Tensor, Tensor | None]:
        """Generate weight and bias: the only source of what the layer applies.

        Parameters
        ----------
        shared : bool, default=False
            Whether to leave out what differs between segments of the horizon.
        """

    @abstractmethod
    def fold(self) -> nn.Module:
        """Return a layer of free weights that computes the same."""

    def weights(self, shared: bool = False) -> tuple[Tensor, Tensor | None]:
        """Return weight and bias, generated once for a run of predictions."""
        if torch.compiler.is_compiling():
            return self.generate(shared)
        if self.forgets():
            return self.generate(shared)
        state = self._state()
        kept = self._kept.get(shared)
        if kept is None or kept[0] != state:
            with torch.inference_mode(False), torch.no_grad():
                kept = (state, self.generate(shared))
                self._kept_of = [held.clone() for held in self._held()]
            self._kept = {**self._kept, shared: kept}
        return kept[1]

    def forgets(self) -> bool:
        """Forget kept weights in a pass that may train, and say whether it is one.

        Every such pass has to ask: Lightning returns to training without calling ``train()``, and
        an optimizer of one kernel changes parameters without raising their versions.
        """
        may_train = self.training or torch.is_grad_enabled()
        if may_train and not torch.compiler.is_compiling():  # a traced pass may not change it
            self._kept = {}
        return may_train

    def forget_if_written_to(self) -> None:
        """Forget kept weights if a parameter has other values, whatever way they came.

        Values written into ``.data``, as callbacks and averages of several models do, do not raise
        a parameter's version. A run of predictions asks once, before the first.
        """
        if self._kept and not all(map(torch.equal, self._held(), self._kept_of)):
            self._kept = {}

    def _held(self) -> Iterator[Tensor]:
        # asked in every pass: the modules are found once, and what they hold looked up
        self._modules_held = self._modules_held or list(self.modules())
        for module in self._modules_held:
            for held in (module._parameters, module._buffers):
                yield from (p for p in held.values() if p is not None)

    def _state(self) -> tuple:
        # in-place updates raise a parameter's version; new storage has another address
        return tuple(
            (p.data_ptr(), p.device, 0 if p.is_inference() else p._version) for p in self._held()
        )

    def train(self, mode: bool = True) -> Self:
        """Set the mode; a call for training forgets kept weights."""
        if mode:  # Lightning calls eval() at every prediction
            self._kept = {}
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        before = self._state()
        super()._apply(fn, recurse)
        if self._state() != before:  # a later move may bring another storage to the old address
            self._kept = {}
        return self

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_kept": {}, "_kept_of": [], "_modules_held": []}
