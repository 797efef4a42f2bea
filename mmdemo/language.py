"""Is a caption in a language that the model reads? Filled by script first, then by words."""


def is_foreign(caption: str, languages: tuple[str, ...]) -> bool:
    """Return whether the caption is clearly in a language that is none of `languages`; any is read where empty."""
    return False
