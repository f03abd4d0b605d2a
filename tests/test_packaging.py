"""What is said of the package outside of its code is true of it."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from hyperforecast.datasets import load_fertility
from hyperforecast.sktime import HNMVTSForecaster
from tests.hosts.darts import test_tools as darts_tools
from tests.hosts.sktime import test_tools as sktime_tools
from tests.oldest_versions import PROJECT, oldest

ROOT = Path(__file__).parents[1]


def test_versions_of_the_tag_are_those_of_the_project() -> None:
    """sktime says what is missing by them."""
    given = HNMVTSForecaster.get_class_tag("python_dependencies")
    assert set(given) <= set(PROJECT["dependencies"])
    assert {"torch", "pytorch-lightning", "darts", "pandas"} <= {
        re.match(r"[\w-]+", one)[0] for one in given
    }


def test_pictures_are_an_extra() -> None:
    needed = " ".join(PROJECT["dependencies"])
    assert not re.search("matplotlib|statsmodels", needed)
    assert "matplotlib" in " ".join(PROJECT["optional-dependencies"]["plotting"])


def test_without_statsmodels_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.datasets", None)
    with pytest.raises(ModuleNotFoundError, match="pip install statsmodels"):
        load_fertility()


def test_the_oldest_versions_are_of_all_that_is_needed() -> None:
    names = [re.match(r"[\w-]+", one)[0] for one in PROJECT["dependencies"]]
    assert oldest().keys() >= set(names)
    assert oldest()["darts"] == "0.48.1"


def test_citation() -> None:
    given = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (given["version"], given["license"]) == (PROJECT["version"], PROJECT["license"])
    assert [one["name"] for one in given["authors"]] == [a["name"] for a in PROJECT["authors"]]
    assert given["abstract"].rstrip(".") == PROJECT["description"]


def test_the_page_of_tools_names_the_tests_that_run_them() -> None:
    page = (ROOT / "docs" / "tools.md").read_text()
    found = re.findall(r"`(test_\w+)\[\*-([^\]]+)\]`", page)
    expected = [
        *(("test_tool", name) for name in darts_tools.TOOLS),
        *(("test_around_one_series", name) for name in sktime_tools.AROUND_ONE_SERIES),
        *(("test_around_covariates", name) for name in sktime_tools.AROUND_COVARIATES),
        *(("test_reconcilers", name) for name in sktime_tools.RECONCILERS),
        *(("test_evaluate", name) for name in sktime_tools.STRATEGIES),
    ]
    assert sorted(found) == sorted(expected)
    for name in (*darts_tools.MODELS, *sktime_tools.FORECASTERS):
        assert f"`{name}`" in page
