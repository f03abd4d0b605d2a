"""Generators: from a context to what is added to a weight."""

from hyperforecast.nn.generators.base import Cost, Generator
from hyperforecast.nn.generators.dense import DenseGenerator
from hyperforecast.nn.generators.free import FreeWeights
from hyperforecast.nn.generators.kernel import KernelGenerator
from hyperforecast.nn.generators.lora import LoRAExperts
from hyperforecast.nn.generators.outer_product import OuterProduct
from hyperforecast.nn.generators.pool import LowRankPool
from hyperforecast.nn.generators.row_scale import RowScale
from hyperforecast.nn.generators.scale_shift import ScaleShift

__all__ = [
    "Cost",
    "DenseGenerator",
    "FreeWeights",
    "Generator",
    "KernelGenerator",
    "LoRAExperts",
    "LowRankPool",
    "OuterProduct",
    "RowScale",
    "ScaleShift",
]
