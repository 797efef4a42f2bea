"""What a text is made of: characters that nobody can store, that nobody sees, and that are one in several spellings.

Two texts that look alike and hold other bytes are one text: `canonical` gives the one form by which they are compared.
What people typed is shown and stored as they typed it.
"""

import unicodedata

import regex

REPLACEMENT = "\ufffd"
_UNSTORABLE = {0: REPLACEMENT, **dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)}  # NUL and lone surrogates
# Without a width, and without a meaning in any script: zero-width space, word joiner, byte order mark, soft hyphen.
# Joiner and non-joiner are not among them: they make other words of Persian, and other emoji.
_UNSEEN = regex.compile("[\u00ad\u200b\u2060\ufeff]")
_LINE_END = regex.compile("\r\n|[\r\x85\u2028\u2029]")
_BLANK = regex.compile(r"[\p{Zs}\t]")  # no-break spaces and those of other widths


def storable(text: str) -> str:
    """Return the text with U+FFFD for each character that no database stores: NUL and lone surrogates, one for one."""
    return text.translate(_UNSTORABLE)


def canonical(text: str) -> str:
    """Return the one form of all texts that look like this one.

    NFC, one kind of line end and of blank, nothing that has no width, nothing blank at its ends. Applied again it
    changes nothing.
    """
    text = _LINE_END.sub("\n", _UNSEEN.sub("", storable(text)))
    return unicodedata.normalize("NFC", _BLANK.sub(" ", text)).strip()


def canonical_name(text: str) -> str:
    """Return the form in which a name is kept: `canonical`, on one line."""
    return " ".join(canonical(text).split())


def visible(text: str) -> str:
    """Return the text for a sentence: what cannot be seen or printed as its code, such as `\\u200b`."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def odd(text: str) -> str:
    """Return code and name of the first character that a reader takes for another or does not see, "" for none.

    A backslash is one: paths have none on every machine.
    """
    for sign in text:
        plain = sign.isprintable() and unicodedata.category(sign) != "Mn" and sign != "\\"
        if not plain:
            return f"U+{ord(sign):04X} {unicodedata.name(sign, 'control character')}"
    return ""
