"""Which words of a caption mean something by themselves: those that a sentence about its map names.

Words of the closed classes (articles, pronouns, prepositions, conjunctions, auxiliaries) hold a sentence together, and
"a and What" tells nobody what an answer came from. The lists are short and our own: those of libraries have words that
do mean something (Nothman, Qin and Yurchak 2018, "Stop Word Lists in Free Open-source Software Packages");
scikit-learn's has "cry", "alone", "serious", and every negation. A word that negates is in none of these.
"""

import regex

_ENGLISH = """
a an the this that these those each every either some any such both all another other own same
i me my mine myself you your yours yourself yourselves he him his himself she her hers herself it its itself
we us our ours ourselves they them their theirs themselves one ones
someone somebody something anyone anybody anything everyone everybody everything
who whom whose which what whoever whatever whichever when where why how whenever wherever there here then
about above across after along amid among around as at before behind below beneath beside besides between beyond by
during for from in inside into near of off on onto out outside over per since than through throughout till to toward
towards under underneath until up upon via with within
and or but if because although though while whereas whether so yet also just very
am is are was were be been being have has had having do does did doing will would shall should can could may might must
rt amp
"""  # the last line: what tweets are full of
_CHINESE = "的了着吗呢吧啊呀嘛啦之和与及或是在就也都而且这那我你您他她它们个把被从向于"  # a character is a word
FUNCTION_WORDS = frozenset((*_ENGLISH.split(), *_CHINESE))
_CONTRACTED = regex.compile(r"'(?:s|m|re|ve|ll|d)$")  # not n't, which negates
_EMOTICON = regex.compile(r"[:;=]['’]?-?[()\[\]/\\|*]+")
_CONTENT = regex.compile(r"[\p{L}\p{N}\p{So}\p{Sc}]")


def is_meaningful(word: str) -> bool:
    """Return whether a word of a caption, as `explain.maps` cuts it, is more than a function word or punctuation."""
    if not _CONTENT.search(word):
        return _EMOTICON.fullmatch(word) is not None
    return _CONTRACTED.sub("", word.lower().replace("’", "'")) not in FUNCTION_WORDS
