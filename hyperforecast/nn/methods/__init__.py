"""Methods by name."""

from hyperforecast.nn.methods.base import Method
from hyperforecast.nn.methods.hn_mvts import HNMVTS
from hyperforecast.nn.methods.plain import Plain

__all__ = ["HNMVTS", "METHODS", "Method", "Plain"]

METHODS: dict[str, type[Method]] = {
    "plain": Plain,
    "hn-mvts": HNMVTS,
}
