"""Random numbers of one's own."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_random_numbers() -> Iterator[None]:
    """Draw from a generator of its own, and leave the global one as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), device="cpu")))
        yield
