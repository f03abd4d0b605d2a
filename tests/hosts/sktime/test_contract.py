"""The sktime forecasters against sktime's own conformance suite, and against each other."""

import doctest
import inspect
import json
import re
from typing import Any

import pytest
from skbase.lookup import all_objects
from sktime.forecasting.base import BaseForecaster as SktimeBase
from sktime.registry import all_tags
from sktime.utils.estimator_checks import check_estimator

import hyperforecast.sktime
from hyperforecast.darts import HyperforecastModel
from hyperforecast.nn import PARTS
from hyperforecast.nn.options import options_of
from hyperforecast.nn.parts import part_options
from hyperforecast.sktime import BaseHyperforecastForecaster

ALL = [
    cls
    for cls in map(hyperforecast.sktime.__dict__.get, hyperforecast.sktime.__all__)
    if isinstance(cls, type) and cls is not BaseHyperforecastForecaster
]
FORECASTERS = [cls for cls in ALL if issubclass(cls, BaseHyperforecastForecaster)]
"""All but the automatic one, which takes no backbone and is not pretrained."""

CHECKED = ("HNMVTSForecaster", "AutoHyperForecaster")
"""Those whose checks take part in every run; those of the others are slow tests: beside their
options they are what the first is."""

each_of_all = pytest.mark.parametrize("cls", ALL)
each_forecaster = pytest.mark.parametrize("cls", FORECASTERS)


@pytest.fixture
def _in_empty_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "cls",
    [pytest.param(one, marks=[] if one.__name__ in CHECKED else [pytest.mark.slow]) for one in ALL],
)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("_in_empty_folder")
def test_sktime_conformance(cls: type[BaseHyperforecastForecaster]) -> None:
    results = check_estimator(cls, raise_exceptions=True, verbose=False)
    assert len(results) > 1000
    assert set(results.values()) == {"PASSED"}


@each_forecaster
def test_nothing_is_left_out_of_the_suite(cls: type[BaseHyperforecastForecaster]) -> None:
    tags = {name for name, *_ in all_tags() if name.startswith("tests:")}
    skipping = {name for name in tags if "skip" in name}
    assert skipping
    assert not any(cls.get_class_tag(name) for name in skipping)
    sets = cls.get_test_params()
    assert len(sets) >= 3
    assert any("likelihood" in params or "quantiles" in params for params in sets)
    assert any("backbone" in params for params in sets)
    assert cls.get_class_tag("capability:pretrain")


def parameters(cls: type) -> dict[str, Any]:
    return dict(list(inspect.signature(cls).parameters.items()))


def names(cls: type, **belonging: str) -> set[str]:
    """Names of the options that belong to something, by their declarations."""
    return {
        one.name
        for one in options_of(cls)
        if all(getattr(one, attribute) == value for attribute, value in belonging.items())
    }


@each_of_all
def test_constructors_show_what_is_declared(cls: type[BaseHyperforecastForecaster]) -> None:
    assert list(parameters(cls)) == [one.name for one in options_of(cls)]
    assert cls.get_param_names(sort=False) == list(parameters(cls))
    positional = [n for n, p in parameters(cls).items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional == ["input_chunk_length", "output_chunk_length"]
    with pytest.raises(TypeError, match=f"{cls.__name__}.__init__.*unexpected keyword.*'chanels'"):
        cls(chanels=3)
    with pytest.raises(TypeError, match="too many positional arguments"):
        cls(24, 6, 1)


@each_forecaster
def test_shared_parameters_are_the_same_everywhere(cls: type[BaseHyperforecastForecaster]) -> None:
    shared = set.intersection(*(set(parameters(other)) for other in FORECASTERS))
    reference = parameters(FORECASTERS[0])
    found = parameters(cls)
    assert [n for n in found if n in shared] == [n for n in reference if n in shared]
    for name in shared:
        assert found[name].kind == reference[name].kind
    # defaults of all others are the model's, which the test below holds them to
    for name in names(cls, to="host"):
        assert found[name].default == reference[name].default
    # what only some have, their models have too, and spell out
    own = found.keys() - shared - names(cls, to="fit") - names(cls, to="host")
    assert own <= inspect.signature(cls.model_class.__init__).parameters.keys()
    part = getattr(cls.model_class, "part", None)
    assert own >= (set() if part is None else set(part_options(PARTS[part])))


@each_forecaster
def test_parameters_are_those_of_the_darts_model(cls: type[BaseHyperforecastForecaster]) -> None:
    """Same name, same default, or a default that stands for the model's own."""
    model = {}
    for base in reversed(cls.model_class.__mro__):
        model |= inspect.signature(base.__init__).parameters
    from darts.models.forecasting.pl_forecasting_module import PLForecastingModule

    model |= inspect.signature(PLForecastingModule.__init__).parameters
    for name, parameter in parameters(cls).items():
        if name in names(cls, to="fit"):
            of_fit = inspect.signature(cls.model_class.fit).parameters[name]
            assert of_fit.default == parameter.default
        if name in names(cls, to="host") | names(cls, to="fit"):
            continue
        assert name in model, f"{name} would be refused by {cls.model_class.__name__}"
        if parameter.default is not None and model[name].default is not inspect.Parameter.empty:
            assert parameter.default == model[name].default
    # every option of training that the model has
    of_training = {name for other in FORECASTERS for name in names(other, of="training")}
    assert parameters(cls).keys() >= of_training & (model.keys() | names(cls, to="host"))


@each_of_all
def test_documented(cls: type[BaseHyperforecastForecaster]) -> None:
    """Every parameter is described in the class itself, in order, with type and default."""
    text = (inspect.getdoc(cls) or "").split("----------\n")[1]
    entries = re.findall(r"^(\w+) : (.+)\n    \S", text, re.MULTILINE)
    assert [name for name, _ in entries[: len(parameters(cls))]] == list(parameters(cls))
    for name, kind in entries[: len(parameters(cls))]:
        default = parameters(cls)[name].default
        said = json.dumps(default) if isinstance(default, str) else default
        assert kind.endswith(", optional" if default is None else f", default={said}")


@each_of_all
def test_examples_run(cls: type[BaseHyperforecastForecaster]) -> None:
    """Those of the class, of which none is skipped, fit and predict."""
    (example,) = doctest.DocTestFinder(recurse=False).find(cls, cls.__name__)
    assert "SKIP" not in example.docstring
    assert {"fit", "predict"} <= set(re.findall(r">>> .*\.(\w+)\(", example.docstring))
    results = doctest.DocTestRunner(verbose=False).run(example)
    assert results.attempted >= 5
    assert not results.failed


def test_what_look_ups_find_can_be_made() -> None:
    """Bases are not among it: sktime passes over names that begin like that."""
    found = dict(all_objects(package_name="hyperforecast.sktime", object_types=SktimeBase))
    assert set(found.values()) == set(ALL)
    for cls in found.values():
        assert isinstance(cls.create_test_instance(), cls)


def test_a_forecaster_for_every_model() -> None:
    import hyperforecast.darts

    models = {
        name.removesuffix("Model")
        for name, cls in vars(hyperforecast.darts).items()
        if isinstance(cls, type) and issubclass(cls, HyperforecastModel)
    } - {"Hyperforecast", "Adapted"}
    assert {cls.__name__.removesuffix("Forecaster") for cls in ALL} == models
