"""The README and the pages of docs/: every Python block runs, every link leads somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import matplotlib
import pytest

import hyperforecast.darts
import hyperforecast.sktime
from hyperforecast.nn import BACKBONES, PARTS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]

FENCE = re.compile(
    r"^(?P<indent> *)(?P<marks>`{3,})(?P<language>[\w+-]*)[^\n`]*\n"
    r"(?P<text>.*?)^(?P=indent)(?P=marks) *$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


def blocks(page: Path) -> Iterator[CodeType]:
    """Compile the Python blocks of a page; tracebacks show the page's own lines."""
    text = page.read_text(encoding="utf-8")
    for fence in FENCE.finditer(text):
        if fence["language"] not in ("python", "py", "pycon"):
            continue
        indent = len(fence["indent"])
        code = "".join(line[indent:] or "\n" for line in fence["text"].splitlines(keepends=True))
        n_before = text.count("\n", 0, fence.start("text"))
        yield compile("\n" * n_before + code, str(page), "exec")


def headings(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run in an empty folder, without a display, and leave nothing registered."""
    monkeypatch.chdir(tmp_path)
    known, parts, backend = dict(BACKBONES), dict(PARTS), matplotlib.get_backend()
    matplotlib.use("Agg")
    yield tmp_path
    matplotlib.pyplot.close("all")
    matplotlib.use(backend)
    for registry, before in ((BACKBONES, known), (PARTS, parts)):
        registry.clear()
        registry.update(before)


@each_page
def test_python_blocks_run(page: Path, scratch: Path) -> None:
    """Blocks of a page share their names, from the first to the last."""
    namespace: dict[str, Any] = {"__name__": "__page__"}
    for block in blocks(page):
        exec(block, namespace)


def test_there_is_something_to_run() -> None:
    for name in ("README.md", "docs/darts.md", "docs/sktime.md", "docs/architecture.md"):
        assert any(blocks(ROOT / name)), f"{name} has no Python block"


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.finditer(text):
        target = link["target"] or link["image"]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{page.name} links to {target}, which is not there"
        if anchor:
            assert anchor in headings(there), f"{page.name}: {there.name} has no heading {anchor}"


@pytest.mark.parametrize(
    "name",
    [
        *(f'"{backbone}"' for backbone in BACKBONES),
        *(
            name
            for name in hyperforecast.darts.__all__
            if name.endswith("Model") and name not in ("AdaptedModel", "HyperforecastModel")
        ),
        *(name for name in hyperforecast.sktime.__all__ if name != "BaseHyperforecastForecaster"),
    ],
)
def test_readme_names_what_there_is(name: str) -> None:
    """Every backbone, every model and every forecaster."""
    assert name.strip('"') in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_its_section(part: str) -> None:
    text = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    assert f'`"{part}"`' in text


def test_blocks_are_found_and_placed(tmp_path: Path) -> None:
    """A made-up page: two blocks that share a name, one of another language, one that fails."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Title\n\n```python\na = 1\n```\n\n```bash\nnot python\n```\n\n"
        "- item\n  ```python\n  if a:\n\n      a = 2\n  ```\n\n```python\nraise KeyError(a)\n```\n"
    )
    found = list(blocks(page))
    assert len(found) == 3
    namespace: dict[str, Any] = {}
    exec(found[0], namespace)
    exec(found[1], namespace)
    assert namespace["a"] == 2
    with pytest.raises(KeyError, match="2") as raised:
        exec(found[2], namespace)
    assert raised.traceback[-1].lineno == 18  # counted from zero: "raise" is line 19
    assert headings(page) == {"title"}
