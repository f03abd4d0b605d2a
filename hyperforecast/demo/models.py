"""The models that are compared, and their options."""

import math
from typing import Any

from hyperforecast.demo.plan import Plan

ADAM_STEPS = 600

HN_EXACT = "HN-MVTS, exact"
HN_ADAM = "HN-MVTS, Adam"
PLAIN = "plain, one for all"
INDIVIDUAL = "plain, one each"
LAST = "naive, last value"
DRIFT = "naive, drift"


def settings(plan: Plan) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return each model's method and options, the same for both hosts."""
    exact = {"solver_kwargs": {"validation_size": 1 / 3}}
    n_windows = plan.first_test_row - plan.lookback - plan.horizon + 1
    batch_size = 32 if n_windows >= 200 else 8
    n_channels = plan.data.shape[1]
    adam = {
        "solver": "adam",
        # shorter than the channels are many, so that the map shows which are alike
        "channel_embedding_dim": max(1, min(8, n_channels - 1)),
        "instance_norm": "last",
        "batch_size": batch_size,
        "n_epochs": math.ceil(ADAM_STEPS / math.ceil(n_windows / batch_size)),
        "random_state": 0,
        "pl_trainer_kwargs": {"max_steps": ADAM_STEPS},
    }
    return {
        HN_EXACT: ("hn-mvts", exact),
        HN_ADAM: ("hn-mvts", adam),
        PLAIN: ("plain", exact),
        INDIVIDUAL: ("plain", {**exact, "individual": True}),
    }
