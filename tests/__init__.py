"""A package, so that test files of different folders may have the same name."""
