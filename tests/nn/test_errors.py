from hyperforecast.nn.errors import unknown_name


def test_near_matches_are_named() -> None:
    assert unknown_name("backbone", "D-Linear", ["dlinear", "nlinear", "rmlp"]) == (
        "Unknown backbone 'D-Linear'. Did you mean 'dlinear' or 'nlinear'? "
        "Expected one of: 'dlinear', 'nlinear', 'rmlp'."
    )


def test_nothing_near() -> None:
    assert unknown_name("method", 7, ["plain"]) == "Unknown method 7. Expected one of: 'plain'."
