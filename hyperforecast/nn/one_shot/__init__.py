"""One hypernetwork for all architectures of a search space: one-shot choice."""

from hyperforecast.nn.one_shot.family import ArchitectureFamily
from hyperforecast.nn.one_shot.search_space import FAMILIES, SearchSpace

__all__ = ["FAMILIES", "ArchitectureFamily", "SearchSpace"]
