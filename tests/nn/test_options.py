"""Options declared once, and what is made of them."""

import inspect
from collections.abc import Sequence
from typing import Any, Literal

import pytest

from hyperforecast.nn.options import describe, option, option_group, options_of, show


@option_group
class Lengths:
    length: int = option(kw_only=False, of="lengths", doc="Steps.")


@option_group
class Size:
    width: int | None = option(default=None, doc="Width\n    of a layer.")
    kind: Literal["flat", "deep"] = option(default="flat", doc="Which one.")


@option_group
class Training:
    n_epochs: int = option(default=3, of="training", to="host", doc="Epochs.")


@option_group
class Stages:
    n_base_epochs: int | None = option(
        default=None, of="training", before="n_epochs", doc="Of the first stage."
    )


@option_group
class Preset(Stages, Size):
    kind: str = "deep"


def names(*classes: type) -> list[str]:
    return [one.name for one in options_of(*classes)]


def test_options_come_in_the_order_of_the_groups_behind_those_by_position() -> None:
    assert names(Size, Lengths, Training) == ["length", "width", "kind", "n_epochs"]


def test_an_option_stands_ahead_of_the_one_that_it_names_where_that_is_there() -> None:
    assert names(Stages, Size, Training) == ["width", "kind", "n_base_epochs", "n_epochs"]
    assert names(Stages, Size) == ["n_base_epochs", "width", "kind"]


def test_options_may_stand_ahead_of_one_that_is_moved_itself() -> None:
    @option_group
    class First:
        seed: int = option(default=0, before="n_base_epochs", doc="Seed.")

    assert names(First, Stages, Size, Training)[2:] == ["seed", "n_base_epochs", "n_epochs"]

    @option_group
    class Circle:
        a: int = option(default=0, before="b", doc="One.")
        b: int = option(default=0, before="a", doc="Other.")

    with pytest.raises(TypeError, match="a, b stand ahead of each other"):
        options_of(Circle)


def test_a_preset_changes_a_default_and_nothing_else() -> None:
    before = {one.name: one for one in options_of(Size)}
    after = {one.name: one for one in options_of(Preset)}
    assert (before["kind"].default, after["kind"].default) == ("flat", "deep")
    assert before["kind"].doc == after["kind"].doc
    assert after["kind"].annotation == Literal["flat", "deep"]
    assert before["width"] == after["width"]
    # also where the declaration is in a group that it is put beside
    assert {o.name: o.default for o in options_of(Preset, Size, Training)}["kind"] == "deep"


def test_a_default_without_a_meaning_is_refused() -> None:
    @option_group
    class Nameless:
        depth: int = 3

    with pytest.raises(TypeError, match="depth of Nameless is given a default"):
        options_of(Nameless)
    assert names(Size, Nameless.__base__) == ["width", "kind"]


def test_what_an_option_belongs_to() -> None:
    belonging = {one.name: (one.of, one.to) for one in options_of(Lengths, Size, Training)}
    assert belonging == {
        "length": ("lengths", "model"),
        "width": ("network", "model"),
        "kind": ("network", "model"),
        "n_epochs": ("training", "host"),
    }


def test_groups_hold_values() -> None:
    assert Preset(width=4).kind == "deep"
    assert Preset(width=4).width == 4
    assert Lengths(7).length == 7
    with pytest.raises(TypeError, match="unexpected keyword argument 'widht'"):
        Preset(widht=4)


def test_a_class_shows_the_options_that_it_takes() -> None:
    class Layer:
        """A layer.

        Parameters
        ----------
        n_channels : int
            Channels.
        {parameters}

        Notes
        -----
        None.
        """

        def __init__(self, n_channels: int, **options: Any) -> None:
            self.options = Size(**options)

    show(Layer, options_of(Size))
    assert str(inspect.signature(Layer)) == (
        "(n_channels: int, *, width: int | None = None, "
        "kind: Literal['flat', 'deep'] = 'flat') -> None"
    )
    assert inspect.getdoc(Layer) == (
        "A layer.\n\nParameters\n----------\n"
        "n_channels : int\n    Channels.\n"
        "width : int, optional\n    Width of a layer.\n"
        'kind : {"flat", "deep"}, default="flat"\n    Which one.\n'
        "\nNotes\n-----\nNone."
    )
    assert Layer(3, width=5).options.width == 5
    with pytest.raises(TypeError, match="unexpected keyword argument 'depth'"):
        Layer(3, depth=5)


def test_further_arguments_are_shown_last() -> None:
    class Model:
        """{parameters}"""

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    show(Model, options_of(Size, Lengths), kwargs="Of the host.")
    assert list(inspect.signature(Model).parameters) == ["length", "width", "kind", "kwargs"]
    assert (inspect.getdoc(Model) or "").startswith("length : int\n    Steps.\nwidth : ")
    assert (inspect.getdoc(Model) or "").endswith("**kwargs\n    Of the host.")


@pytest.mark.parametrize(
    ("annotation", "default", "text"),
    [
        (int, 4, "int, default=4"),
        (float | None, None, "float, optional"),
        (Sequence[int], (), "sequence of int, default=()"),
        (Sequence[str] | None, None, "sequence of str, optional"),
        (Sequence[Any] | None, None, "sequence, optional"),
        (dict[str, Any] | None, None, "dict, optional"),
        (type | None, None, "type, optional"),
        (str | Sequence[str] | None, None, "str or sequence of str, optional"),
        (Literal["a", "b"], "a", '{"a", "b"}, default="a"'),
        (Literal["a", "b"] | None, None, '{"a", "b"}, optional'),
        (Literal["a"] | None, "a", '{"a", None}, default="a"'),
    ],
)
def test_types_are_written_as_numpydoc_does(annotation: Any, default: Any, text: str) -> None:
    group = type(
        "Group",
        (),
        {"__annotations__": {"x": annotation}, "x": option(default=default, doc="Some thing.")},
    )
    assert options_of(option_group(group))[0].describe() == f"x : {text}\n    Some thing."


def test_long_meanings_are_wrapped() -> None:
    @option_group
    class Wordy:
        x: int = option(default=1, doc="word " * 50)

    lines = options_of(Wordy)[0].describe().splitlines()
    assert len(lines) == 4
    assert all(line.startswith("    word") and len(line) <= 100 for line in lines[1:])


def test_a_group_describes_its_own_options() -> None:
    class Layer(Size):
        """A layer.

        Parameters
        ----------
        {parameters}
        """

    describe(Layer)
    assert inspect.getdoc(Layer) == (
        "A layer.\n\nParameters\n----------\n"
        "width : int, optional\n    Width of a layer.\n"
        'kind : {"flat", "deep"}, default="flat"\n    Which one.'
    )
