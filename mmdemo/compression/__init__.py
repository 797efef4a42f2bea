"""A smaller version from a version: methods in METHODS, a module each; what each costs is measured as it is made."""

from mmdemo.compression.interface import Compressed, Method, Request, Settings
from mmdemo.compression.storage import fp16, int8
from mmdemo.compression.vocabulary import vocabulary
from mmdemo.errors import UnknownName

METHODS: dict[str, Method] = {
    "fp16": fp16,
    "int8": int8,
    "vocabulary": vocabulary,
}


def get(name: str) -> Method:
    """Return a method by its name. Raises UnknownName."""
    if name not in METHODS:
        raise UnknownName("compress_unknown", name=name, known=", ".join(METHODS))
    return METHODS[name]


__all__ = ["METHODS", "Compressed", "Method", "Request", "Settings", "get"]
