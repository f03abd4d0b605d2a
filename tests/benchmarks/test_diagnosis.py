"""The rows of the table of diagnoses."""

import numpy as np
import pandas as pd

from benchmarks.diagnosis import row


def test_a_row_says_what_was_found() -> None:
    noise = np.random.default_rng(0).normal(size=(400, 4))
    values = np.zeros_like(noise)
    for i in range(1, 400):
        values[i] = [0.9, 0.9, -0.9, -0.9] * values[i - 1] + noise[i]
    table = pd.DataFrame(values, pd.date_range("2020", periods=400, freq="h"), list("abcd"))
    found = row("made", table, 4, 2, 0.25)
    assert (found["data"], found["channels"], found["rows"]) == ("made 4→2", 4, 400)
    assert found["channels that gain"] == "4 of 4"
    assert found["verdict"] in ("generated", "one each")
    assert found["one for all"] > found["one each"] > 0
