"""Between the loop's values and Label Studio's formats: no server is needed here."""

_JOINER = "\u2060"  # takes no room


def as_text(text: str) -> str:
    """Return a text in which Label Studio sees no name of data, as it does in `$text`; it looks the same."""
    return text.replace("$", f"{_JOINER}${_JOINER}")
