"""Errors of generated heads stand beside those of the plain network they are parts of."""

from benchmarks.generator_rates import PARTS, cells, table


def test_errors_are_parts_of_the_plain_one() -> None:
    rows = []
    for seed in (0, 1):
        for number, one in enumerate(cells("alike", "rmlp", seed)):
            error = 2.0 if one.method == "plain" else 2.0 * number + seed
            rows.append({**one.key, "test_mse": error})
    shown = table(rows)
    assert list(shown.columns[:3]) == ["dataset", "backbone", "plain"]
    assert shown.iloc[0, 2] == 2.0
    expected = [(2.0 * number + 0.5) / 2.0 for number in range(1, len(PARTS) + 1)]
    assert shown.iloc[0, 3:].tolist() == expected


def test_rates_are_parts_of_the_backbone_s() -> None:
    rates = [one.options.get("generator_lr") for one in cells("alike", "dlinear", 0)]
    assert rates == [None, 1e-3, 3e-4, 1e-4, 3e-5]
