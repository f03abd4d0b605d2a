"""Tables in Markdown."""

import pandas as pd

from benchmarks.markdown import markdown


def test_markdown_aligns_columns():
    frame = pd.DataFrame({"name": ["a", "long"], "n": [12345, 6], "mse": [0.123456, float("nan")]})
    assert markdown(frame) == (
        "| name | n      | mse    |\n"
        "|------|--------|--------|\n"
        "| a    | 12,345 | 0.1235 |\n"
        "| long | 6      |        |"
    )
