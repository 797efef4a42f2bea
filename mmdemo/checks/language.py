"""Is a caption in a language that the model does not read? By its script first, then, within a script, by its words.

Two answers: it clearly is (`is_foreign`), or nobody can tell that it isn't (`is_unclear`), which is what can be said of
few words. Wrong alarms cost more than misses: hashtags, emoji and short names are never called foreign.
"""

import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import regex

from mmdemo import characters

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Scripts and the languages (ISO 639-1) that are told apart within them.
SCRIPTS: dict[str, tuple[str, ...]] = {
    "Latin": tuple(
        "af ca cs da de en es et eu fi fr ga gl hr hu id is it lt lv ms nl no pl pt ro sk sl sq sv sw tl tr vi".split()  # noqa: SIM905
    ),
    "Cyrillic": ("be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "uk"),
    "Arabic": ("ar", "fa", "ps", "ug", "ur"),
    "Devanagari": ("hi", "mr", "ne"),
    "Hebrew": ("he",),
    "Han": ("ja", "zh"),
    "Hiragana": ("ja",),
    "Katakana": ("ja",),
    "Hangul": ("ko",),
    "Greek": ("el",),
    "Thai": ("th",),
    "Armenian": ("hy",),
    "Georgian": ("ka",),
    "Bengali": ("as", "bn"),
    "Gujarati": ("gu",),
    "Gurmukhi": ("pa",),
    "Tamil": ("ta",),
    "Telugu": ("te",),
    "Kannada": ("kn",),
    "Malayalam": ("ml",),
    "Sinhala": ("si",),
    "Khmer": ("km",),
    "Lao": ("lo",),
    "Myanmar": ("my",),
    "Ethiopic": ("am",),
}
# Words that are left → how likely the task's languages may be at most for a caption to count as foreign.
HIGHEST = {3: 0.008, 4: 0.02, 5: 0.05}
FEWEST_WORD_LETTERS = 11  # in all words together: "c'est la vie" and "lol omg wtf" say nothing
FEWEST_LETTERS = 2  # of a foreign script: a single α is a symbol
# Share of the words that the model knows → how likely the task's languages may be at most for a caption to be unclear.
UNCLEAR = {1 / 3: 0.13, 1.0: 0.03}
MIXED = "Latin"  # the script in which that is measured: most languages share it, and words stand apart
# Of the net, and of no language.
CHAT = ("brb", "btw", "fyi", "idk", "ikr", "imo", "irl", "lmao", "lol", "omg", "rofl", "smh", "tbh", "thx", "wtf")
# What English borrowed and often spells as it was: such words say nothing of the language around them. "_" is a blank.
BORROWED = tuple(
    "adiós à_la_carte à_la_mode apéritif appliqué attaché bête_noire blasé bric-à-brac café canapé château châteaux "  # noqa: SIM905
    "chaîné c'est_la_vie chargé_d'affaires cliché clichéd communiqué consommé coup_d'état crème_brûlée crème_caramel "
    "crème_de_la_crème crème_fraîche crêpe croûton crudités débâcle débutante décolletage décolleté décor découpage "
    "déjà_vu dénouement dérailleur divorcé divorcée doppelgänger éclair éclat élan élite émigré entrée entrepôt étude "
    "exposé façade fête feliz_navidad fiancé fiancée flambé flâneur frappé führer gâteau glögg gruyère habitué "
    "ingénue jalapeño jalapeños lamé macramé mañana matinée mêlée ménage ménage_à_trois moiré naïf naïve naïvely "
    "naïveté née négligée niçoise noël outré papier-mâché passé pâté pâtisserie pièce_de_résistance pied-à-terre "
    "piña_colada piñata première prêt-à-porter protégé protégée purée quinceañera raison_d'être recherché "
    "résumé risqué rosé roué sauté sautéed séance señor señora señorita smörgåsbord soirée soufflé soupçon "
    "tête-à-tête touché tragédienne über vicuña vis-à-vis voilà".split()
)
_LETTERS = {script: regex.compile(rf"\p{{Script={script}}}") for script in SCRIPTS}
_NOT_WORDS = regex.compile(
    r"\bht{1,2}p?s?(:\S*|…)|www\.\S+|[@#][\p{L}\p{M}\p{N}_]+|\bRT\b|\b(?i:" + "|".join(CHAT) + r")\b"
)
_SPELLED = "|".join(BORROWED).replace("_", " ").replace("'", "['’]")
# Language → the words that it borrowed, with their plural
_BORROWED = {"en": regex.compile(rf"(?<![\p{{L}}\p{{M}}])(?i:{_SPELLED})(?:['’]?s)?(?![\p{{L}}\p{{M}}])")}
_WORD = regex.compile(r"[\p{L}\p{M}]+(?:['’-][\p{L}\p{M}]+)*")
_PART = regex.compile(r"[\p{L}\p{M}]+")


def is_foreign(caption: str, languages: Sequence[str]) -> bool:
    """Return whether the caption is clearly in a language that is none of `languages` (ISO 639-1).

    Where `languages` is empty, or holds one that SCRIPTS does not know, nothing is foreign.
    """
    text = _telling(caption, languages)
    letters = {script: len(pattern.findall(text)) for script, pattern in _LETTERS.items()}
    if not _can_tell(languages) or not any(letters.values()):
        return False
    scripts = {script for script, of in SCRIPTS.items() if set(of) & set(languages)}
    foreign = sum(count for script, count in letters.items() if script not in scripts)
    if foreign * 2 > sum(letters.values()):
        return foreign >= FEWEST_LETTERS
    script = max(scripts, key=lambda name: letters[name])
    return _words_are_foreign(text, languages, SCRIPTS[script])


def is_unclear(caption: str, languages: Sequence[str], knows: Callable[[str], bool]) -> bool:
    """Return whether nothing tells that the caption is in one of `languages`, though it need not be foreign.

    `knows` says whether the model knows a word as a whole. Single words are unclear only with foreign letters in them.
    """
    words = [word for word in _WORD.findall(_telling(caption, languages)) if _LETTERS[MIXED].search(word)]
    fewest = 2 if all(map(str.isascii, words)) else 1
    if not _can_tell(languages) or not set(languages) & set(SCRIPTS[MIXED]) or len(words) < fewest:
        return False
    likely = _share(" ".join(words).lower(), languages, SCRIPTS[MIXED])
    if likely >= max(UNCLEAR.values()):
        return False
    known_share = sum(all(map(knows, _PART.findall(word))) for word in words) / len(words)
    if len(words) < min(HIGHEST) and (known_share == 1 or (known_share > 0 and all(map(str.istitle, words)))):
        return False  # in one language as well as in another; or the name of somebody
    return likely < next(highest for most, highest in UNCLEAR.items() if known_share <= most)


def is_wordless(caption: str) -> bool:
    """Return whether a caption is punctuation alone: no letter, no digit, no picture sign."""
    return not any(unicodedata.category(sign)[0] in "LN" or unicodedata.category(sign) == "So" for sign in caption)


def _telling(caption: str, languages: Sequence[str]) -> str:
    """Return what of a caption can tell its language: no signs of the net, and no words that `languages` borrowed.

    Borrowed words stay among words of another language: they may as well be that one's own.
    """
    text = rest = _NOT_WORDS.sub(" ", characters.canonical(caption))
    for language in set(languages) & set(_BORROWED):
        rest = _BORROWED[language].sub(" ", rest)
    words = _WORD.findall(rest)
    if rest == text or len(words) < 2:
        return rest
    likely = _share(" ".join(words).lower(), languages, SCRIPTS[MIXED])
    return rest if likely >= max(UNCLEAR.values()) else text


def _can_tell(languages: Sequence[str]) -> bool:
    detectable = {language for of in SCRIPTS.values() for language in of}
    return bool(languages) and detectable.issuperset(languages)


def _words_are_foreign(text: str, languages: Sequence[str], candidates: Sequence[str]) -> bool:
    words = _WORD.findall(text)
    lower = _without_names(words)
    if set(candidates) <= set(languages) or sum(map(len, words)) < FEWEST_WORD_LETTERS:
        return False
    if len(words) < min(HIGHEST) or len(lower) < min(HIGHEST) - 1:
        return False
    highest = HIGHEST[min(len(words), max(HIGHEST))]
    return all(_share(" ".join(some).lower(), languages, candidates) < highest for some in (words, lower))


def _without_names(words: Sequence[str]) -> list[str]:
    """Return the words that are no names: small ones, and the first where the second is small."""
    if all(word.isupper() for word in words):
        return list(words) if len(words) >= max(HIGHEST) else []
    small = [word for word in words[1:] if not word[0].isupper()]
    first = words[:1] if len(words) > 1 and not words[1][0].isupper() else []
    return [*first, *small]


def _share(text: str, languages: Sequence[str], candidates: Sequence[str]) -> float:
    """Return how likely one of `languages` is, among `candidates`; 1 where nothing can be told."""
    shares = dict(load().rank(text))
    among = sum(shares.get(language, 0.0) for language in candidates)
    return sum(shares.get(language, 0.0) for language in set(languages) & set(candidates)) / among if among > 0 else 1.0


@cache
def load() -> "LanguageIdentifier":
    """Return py3langid's model, which takes half a second to read; its ranking keeps no state."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
