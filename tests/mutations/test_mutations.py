"""That mutations keep up with the code; running them takes ``make test-mutations``."""

from pathlib import Path

import pytest
from exact_solver import MUTATIONS
from mutation import Mutation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.name for mutation in MUTATIONS])
def test_there_is_one_place_for_each(mutation: Mutation) -> None:
    compile(mutation.of(ROOT), mutation.file, "exec")
    assert mutation.new != mutation.old


def test_names_are_distinct() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize("text", ["nothing", "one one"])
def test_a_text_that_is_not_found_once_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "file.py").write_text(text)
    with pytest.raises(LookupError, match=r"'half' .* once in file\.py, where it is [02] times"):
        Mutation("half", "file.py", "one", "two").of(tmp_path)
