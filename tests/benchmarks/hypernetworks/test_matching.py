import pytest

from benchmarks.hypernetworks.matching import matching


@pytest.mark.parametrize(("wanted", "size"), [(10_000, 100), (10_130, 101), (10_050, 100), (1, 1)])
def test_the_nearest_size(wanted: int, size: int) -> None:
    assert matching("width", wanted, lambda n: n * n) == size


def test_no_size_is_near_enough() -> None:
    with pytest.raises(ValueError, match="the nearest is width=2 with 4"):
        matching("width", 5, lambda n: n * n)
