"""Export to ONNX for any number of windows."""

from typing import Any

import torch
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule


def dynamic_batch_arguments(module: PLForecastingModule) -> dict[str, Any]:
    """Return what ``torch.onnx.export`` takes for a graph of which every input has a free batch.

    Parameters
    ----------
    module : PLForecastingModule
        The module that Darts exports, whose graph it traces with one window. With two, torch can
        tell what is the batch; where it cannot be left free, the export is an error.
    """
    from darts.utils.onnx.export import _onnx_dummy_input  # needs onnx, which is optional

    of_one_window = module._onnx_wrapper(_onnx_dummy_input(module)).example_inputs
    inputs = tuple(torch.cat([one, one]) for one in of_one_window)
    free = {0: torch.export.Dim.DYNAMIC}
    return {"args": inputs, "dynamic_shapes": {"tensors": tuple(free for _ in inputs)}}
