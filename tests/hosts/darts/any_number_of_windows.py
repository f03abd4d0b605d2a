"""Graphs of ONNX against the models that they are of, for batches of every size."""

from typing import Any

import numpy as np
import onnxruntime
import torch
from darts.utils.data.torch_datasets.utils import ModuleStage, PLModuleInput


def check_any_number_of_windows(model: Any, session: onnxruntime.InferenceSession) -> None:
    """Check that a graph forecasts random windows as the network does, 1, 7 and 256 at once."""
    module = model.model.eval()
    for n_windows in (1, 7, 256):
        windows = {
            one.name: torch.randn(n_windows, *one.shape[1:], dtype=module.dtype)
            for one in session.get_inputs()
        }
        (found,) = session.run(None, {name: values.numpy() for name, values in windows.items()})
        with torch.no_grad():
            expected = module(PLModuleInput(**windows, stage=ModuleStage.PREDICT)).prediction
        assert found.dtype == expected.numpy().dtype
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-5)
