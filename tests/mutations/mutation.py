"""A small error that is put into a source file."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """A text of a file that is replaced by another.

    Attributes
    ----------
    name : str
        What the mutated code does wrong.
    file : str
        Path from the repository's root.
    old, new : str
        ``old`` must be found exactly once.
    """

    name: str
    file: str
    old: str
    new: str

    def of(self, root: Path) -> str:
        """Return the file's text with the error in it; raise if there is no one place for it."""
        text = (root / self.file).read_text()
        count = text.count(self.old)
        if count != 1:
            raise LookupError(
                f"Mutation {self.name!r} replaces a text that must be once in {self.file}, where "
                f"it is {count} times: {self.old!r}. Bring the mutation up to date."
            )
        return text.replace(self.old, self.new)
