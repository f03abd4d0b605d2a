"""Which part of the package knows which, read from the sources."""

import ast
import inspect
import json
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import hyperforecast

PACKAGE = Path(hyperforecast.__file__).parent


@cache
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
    others = (
        *("hyperforecast.demo", "hyperforecast.diagnosis", "hyperforecast.plotting"),
        *("statsmodels", "matplotlib"),
    )
    for file, modules in of_part(part).items():
        for module in modules:
            assert not within(module, *foreign, *others), f"{file} imports {module}"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("hyperforecast", ["darts", "sktime", "torch", "pandas", "numpy"]),
        ("hyperforecast.nn", ["darts", "sktime", "pytorch_lightning"]),
        ("hyperforecast.darts", ["sktime"]),
        ("hyperforecast.diagnostics", ["darts", "sktime", "matplotlib"]),
        ("hyperforecast.diagnosis", ["darts", "sktime", "torch", "matplotlib"]),
        ("hyperforecast.demo", ["darts", "sktime", "torch", "matplotlib"]),
    ],
)
def test_importing_loads_no_more_than_it_needs(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print(*[m for m in {absent} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def modules() -> dict[str, set[str]]:
    """Every module of the package, and the modules of the package that it imports."""
    names = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: imports(path) & names.keys() - {name} for name, path in names.items()}


def test_no_circle_of_imports() -> None:
    graph = {
        # a package is loaded with each of its modules, which is no circle by itself
        name: {other for other in found if not within(name, other)}
        for name, found in modules().items()
    }
    TopologicalSorter(graph).prepare()


FOLDERS = sorted(
    ".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in PACKAGE.rglob("__init__.py")
)


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_lies_in_a_folder_has_an_order(folder: str) -> None:
    """Folders and modules beside each other, taken as wholes, import each other in no circle."""

    def child(module: str) -> str | None:
        inside = module.removeprefix(f"{folder}.")
        return None if inside == module else inside.partition(".")[0]

    graph: dict[str, set[str]] = {}
    for name, found in modules().items():
        if here := child(name):
            others = {there for module in found if (there := child(module))}
            graph.setdefault(here, set()).update(others - {here})
    TopologicalSorter(graph).prepare()


def darts_models() -> dict[str, type]:
    import hyperforecast.darts as host

    return {
        name: getattr(host, name)
        for name in host.__all__
        if name.endswith("Model") and getattr(getattr(host, name), "options", object) is not object
    }


def presets() -> dict[str, str]:
    """Names of parts, and of the Darts models that are these parts on a plain network."""
    return {cls.part: name for name, cls in darts_models().items() if hasattr(cls, "part")}


def sktime_forecasters() -> dict[str, type]:
    import hyperforecast.sktime as host

    names = [f"{name.removesuffix('Model')}Forecaster" for name in darts_models()]
    return {name: getattr(host, name) for name in names}


def parts() -> dict[str, type]:
    from hyperforecast.nn import PARTS

    return PARTS


def own_options(part: type) -> dict[str, object]:
    parameters = inspect.signature(part).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


@pytest.mark.parametrize("part", presets())
def test_a_preset_has_the_options_of_its_part(part: str) -> None:
    expected = own_options(parts()[part])
    model = darts_models()[presets()[part]]
    forecaster = sktime_forecasters()[f"{model.__name__.removesuffix('Model')}Forecaster"]
    for constructor in (model.__init__, forecaster):
        parameters = inspect.signature(constructor).parameters
        assert {option: parameters[option].default for option in expected} == expected


def test_a_free_model_has_a_choice_for_every_slot() -> None:
    from hyperforecast.nn.parts import SLOTS

    for cls in (darts_models()["HyperModel"].__init__, sktime_forecasters()["HyperForecaster"]):
        parameters = inspect.signature(cls).parameters
        for slot in SLOTS:
            assert parameters[slot].default == "plain"
            assert parameters[f"{slot}_kwargs"].default is None
    text = inspect.getdoc(darts_models()["HyperModel"]) or ""
    assert [name for name in parts() if f'``"{name}"``' not in text] == []


@pytest.mark.parametrize("name", darts_models())
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


@pytest.mark.parametrize("name", parts())
def test_every_option_of_a_part_is_described(name: str) -> None:
    part = parts()[name]
    entries = re.findall(r"^(\w+) : .+\n    \S", inspect.getdoc(part) or "", re.MULTILINE)
    assert sorted(entries) == sorted(own_options(part))


@pytest.mark.parametrize("host", ["darts", "sktime"])
def test_constructors_are_made_from_declarations(host: str) -> None:
    """No option of a part is written into a constructor a second time."""
    options = {option for part in parts().values() for option in own_options(part)}
    for path in (PACKAGE / host).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                given = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
                assert not given & options, path.name


@pytest.mark.parametrize("file", ["nn/network.py", "darts/base.py", "sktime/base.py"])
def test_what_all_share_names_no_part_and_no_option_of_one(file: str) -> None:
    text = (PACKAGE / file).read_text()
    words = set(re.findall(r"[\w-]+", text))
    own = {option for part in parts().values() for option in own_options(part)}
    named = {*parts(), *presets().values(), *(part.__name__ for part in parts().values()), *own}
    assert sorted(words & named) == []


def test_backbones_know_of_no_part() -> None:
    for path in (PACKAGE / "nn" / "backbones").glob("*.py"):
        assert not {m for m in imports(path) if within(m, "hyperforecast.nn.parts")}
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                names = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
                assert not names & {"method", "part", "parts"}, f"{path.name}: {node.name}"


def test_nobody_asks_whether_something_is_of_a_parts_class() -> None:
    from hyperforecast.nn import contexts, generators

    classes = {part.__name__ for part in parts().values()}
    classes |= {n for n in (*contexts.__all__, *generators.__all__) if n[0].isupper()}
    classes -= {"Context", "Generator"}  # what all are
    home = {part.__module__ for part in parts().values()}
    for name in modules():
        path = PACKAGE.parent / Path(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
                asked = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}
                assert name in home or not asked & classes, f"{name}: {asked & classes}"


@pytest.mark.parametrize("name", darts_models())
def test_darts_models_load_safely(name: str) -> None:
    from darts.utils.serialization import get_safe_globals

    assert darts_models()[name] in get_safe_globals()


def test_every_backbone_and_norm_is_in_the_documentation_of_the_darts_models() -> None:
    from hyperforecast.darts import HyperforecastModel
    from hyperforecast.nn import BACKBONES, INSTANCE_NORMS

    text = inspect.getdoc(HyperforecastModel) or ""
    assert [name for name in (*BACKBONES, *INSTANCE_NORMS) if f'"{name}"' not in text] == []


def test_public_names_exist() -> None:
    for part in ("nn", "darts", "sktime", "datasets", "diagnosis", "diagnostics", "plotting"):
        module = __import__(f"hyperforecast.{part}", fromlist=["__all__"])
        assert sorted(set(module.__all__)) == sorted(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
