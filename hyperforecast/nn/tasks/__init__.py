"""Tasks learned one after the other by one network."""

from hyperforecast.nn.tasks.memory import TaskMemory

__all__ = ["TaskMemory"]
