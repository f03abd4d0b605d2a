"""Methods by name."""

from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.methods.hn_mvts import HNMVTS
from hyperforecast.nn.methods.light_sae import LightSAE
from hyperforecast.nn.methods.mola import MoLA
from hyperforecast.nn.methods.plain import Plain

__all__ = ["HNMVTS", "METHODS", "LightSAE", "Method", "MoLA", "Plain"]

METHODS: dict[str, type[Method]] = {
    "plain": Plain,
    "hn-mvts": HNMVTS,
    "light-sae": LightSAE,
    "mola": MoLA,
}
