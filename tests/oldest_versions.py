"""Print the oldest versions that pyproject.toml allows, as constraints of pip."""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def oldest() -> dict[str, str]:
    """Return the lower bound of every dependency, those of the extras for users among them."""
    extras = PROJECT["optional-dependencies"]
    given = [*PROJECT["dependencies"], *extras["plotting"], *extras["onnx"]]
    matches = [re.match(r"([\w-]+)>=([\w.]+)", one) for one in given]
    return {match[1]: match[2] for match in matches if match}


if __name__ == "__main__":
    for name, version in oldest().items():
        print(f"{name}=={version}")
