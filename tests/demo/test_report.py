"""What the demo says of its results."""

from hyperforecast.demo.errors import Entry
from hyperforecast.demo.models import HN_EXACT, PLAIN
from hyperforecast.demo.report import table


def test_table_gives_ratios_within_a_host() -> None:
    entries = [
        Entry(name, host, [], 1.0, mae=0.5, mse=mse)
        for name, host, mse in [
            (PLAIN, "sktime", 2.0),
            (HN_EXACT, "sktime", 1.0),
            (PLAIN, "Darts", 4.0),
            (HN_EXACT, "Darts", 1.0),
        ]
    ]
    rows = [line.split() for line in table(entries).splitlines()[2:] if line]
    assert [row[-2] for row in rows] == ["1.00", "0.50", "1.00", "0.25"]
    assert len({len(line) for line in table(entries).splitlines() if line}) == 1
