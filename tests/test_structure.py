"""Which part of the package knows which, read from the sources."""

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hyperforecast

PACKAGE = Path(hyperforecast.__file__).parent


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file it does so."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def of_part(part: str) -> dict[str, set[str]]:
    files = sorted((PACKAGE / part).rglob("*.py"))
    if not files:
        pytest.skip(f"there is no hyperforecast/{part} yet")
    return {str(path.relative_to(PACKAGE)): imports(path) for path in files}


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_nn_imports_torch_and_the_standard_library_only() -> None:
    for file, modules in of_part("nn").items():
        for module in modules:
            assert (
                within(module, "torch", "hyperforecast.nn")
                or module.partition(".")[0] in sys.stdlib_module_names
            ), f"{file} imports {module}"


@pytest.mark.parametrize(
    ("part", "foreign"),
    [("darts", ("sktime", "skbase", "hyperforecast.sktime")), ("sktime", ())],
)
def test_a_host_does_not_import_the_other(part: str, foreign: tuple[str, ...]) -> None:
    others = ("hyperforecast.demo", "hyperforecast.plotting", "statsmodels", "matplotlib")
    for file, modules in of_part(part).items():
        for module in modules:
            assert not within(module, *foreign, *others), f"{file} imports {module}"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("hyperforecast", ["darts", "sktime", "torch", "pandas", "numpy"]),
        ("hyperforecast.nn", ["darts", "sktime", "pytorch_lightning"]),
        ("hyperforecast.darts", ["sktime"]),
    ],
)
def test_importing_loads_no_more_than_it_needs(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print(*[m for m in {absent} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def darts_models() -> dict[str, type]:
    import hyperforecast.darts as host

    classes = [getattr(host, name) for name in host.__all__]
    return {
        cls.method: cls
        for cls in classes
        if isinstance(cls, type) and isinstance(getattr(cls, "method", None), str)
    }


def sktime_forecasters() -> dict[str, type]:
    if not (PACKAGE / "sktime" / "__init__.py").exists():
        pytest.skip("there is no hyperforecast/sktime yet")
    import hyperforecast.sktime as host

    return {name: getattr(host, name) for name in host.__all__ if name.endswith("Forecaster")}


def own_options(method: type) -> dict[str, object]:
    parameters = inspect.signature(method).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def methods() -> dict[str, type]:
    from hyperforecast.nn import METHODS

    return METHODS


@pytest.mark.parametrize("name", methods())
def test_every_method_is_a_darts_model_with_the_same_options(name: str) -> None:
    model = darts_models()[name]
    expected = own_options(methods()[name])
    parameters = inspect.signature(model.__init__).parameters
    assert set(model.method_options) == set(expected)
    assert {option: parameters[option].default for option in expected} == expected


@pytest.mark.parametrize("name", methods())
def test_every_method_is_an_sktime_forecaster_with_the_same_options(name: str) -> None:
    model = darts_models()[name]
    forecaster = sktime_forecasters()[model.__name__.replace("Model", "Forecaster")]
    expected = own_options(methods()[name])
    parameters = inspect.signature(forecaster).parameters
    assert {option: parameters[option].default for option in expected} == expected


@pytest.mark.parametrize("name", methods())
def test_every_option_of_a_darts_model_is_described_where_it_is_read(name: str) -> None:
    """In the class itself, in order, with type and default."""
    model = darts_models()[name]
    parameters = list(inspect.signature(model.__init__).parameters.values())[1:-1]
    text = (inspect.getdoc(model) or "").split("----------\n")[1]
    entries = re.findall(r"^(\w+) : (.+)\n    \S", text, re.MULTILINE)[: len(parameters)]
    assert [entry for entry, _ in entries] == [parameter.name for parameter in parameters]
    for (_, kind), parameter in zip(entries, parameters, strict=True):
        default = parameter.default
        if default is not parameter.empty:
            said = json.dumps(default) if isinstance(default, str) else default
            assert kind.endswith(", optional" if default is None else f", default={said}")
    assert "\n**kwargs\n" in text
    assert "See :class:`~hyperforecast.darts.HyperforecastModel`" not in text


@pytest.mark.parametrize("name", methods())
def test_every_option_of_a_method_is_described(name: str) -> None:
    method = methods()[name]
    entries = re.findall(r"^(\w+) : .+\n    \S", inspect.getdoc(method) or "", re.MULTILINE)
    assert entries == ["n_channels", *own_options(method)]


@pytest.mark.parametrize("part", ["darts", "sktime"])
def test_constructors_are_made_from_declarations(part: str) -> None:
    """No option of a method is written into a constructor a second time."""
    options = {option for method in methods().values() for option in own_options(method)}
    for path in (PACKAGE / part).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                given = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
                assert not given & options, path.name


def test_the_base_of_the_forecasters_names_no_method_and_none_of_its_options() -> None:
    from hyperforecast.darts.options import SolverOptions, TwoStageOptions
    from hyperforecast.nn.options import options_of

    source = (PACKAGE / "sktime" / "base.py").read_text()
    words = set(re.findall(r"\w+", source))
    assert not words & {name for method in methods().values() for name in own_options(method)}
    assert not words & {one.name for one in options_of(SolverOptions, TwoStageOptions)}
    stems = [model.__name__.removesuffix("Model") for model in darts_models().values()]
    assert not [word for word in words for stem in stems if word.startswith(stem)]


@pytest.mark.parametrize("name", methods())
def test_darts_models_load_safely(name: str) -> None:
    from darts.utils.serialization import get_safe_globals

    assert darts_models()[name] in get_safe_globals()


def test_every_backbone_and_norm_is_in_the_documentation_of_the_darts_models() -> None:
    from hyperforecast.darts import HyperforecastModel
    from hyperforecast.nn import BACKBONES, INSTANCE_NORMS

    text = inspect.getdoc(HyperforecastModel) or ""
    assert [name for name in (*BACKBONES, *INSTANCE_NORMS) if f'"{name}"' not in text] == []


def test_public_names_exist() -> None:
    for part in ("nn", "darts", "sktime"):
        module = __import__(f"hyperforecast.{part}", fromlist=["__all__"])
        assert sorted(set(module.__all__)) == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
