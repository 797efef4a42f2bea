"""Captions in other languages are told, and nothing else is called foreign."""

import pytest

from mmdemo.checks.language import SCRIPTS, is_foreign, is_unclear, is_wordless, load
from mmdemo.model.processor import MultimodalProcessor, TextFrontend
from mmdemo.versions.registry import SHIPPED

ENGLISH = ("en",)


@pytest.fixture(scope="module")
def text() -> TextFrontend:
    """What the shipped model knows of words."""
    processor = MultimodalProcessor.from_pretrained(SHIPPED / "sentiment").text
    assert processor is not None
    return processor


@pytest.mark.parametrize(
    "caption",
    [
        "Der Hund läuft schnell über die grüne Wiese",
        "Ein trauriger Mann sitzt allein im Regen",
        "Je suis très heureux de vous voir aujourd'hui",
        "Una mujer triste mira por la ventana",
        "I bambini giocano nel parco sotto il sole",
        "As crianças brincam juntas no parque",
        "Een verdrietige vrouw kijkt uit het raam",
        "Smutna kobieta patrzy przez okno",
        "Üzgün bir kadın pencereden dışarı bakıyor",
        "Une femme assise seule dans un cafe\u0301",
        "Son résumé est très bien écrit et complet",
        "EIN SCHÖNER TAG IM PARK MIT FREUNDEN",
        "Грустная женщина смотрит в окно",
        "一个悲伤的女人望着窗外",
        "悲しそうな女性が窓の外を見ている",
        "슬픈 여자가 창밖을 바라본다",
        "امرأة حزينة تنظر من النافذة",
        "אישה עצובה מביטה מהחלון",
        "एक उदास औरत खिड़की से देखती है",
        "Love 这个电影真的非常好看",
    ],
)
def test_another_language_is_told(caption: str) -> None:
    assert is_foreign(caption, ENGLISH)


@pytest.mark.parametrize(
    "caption",
    [
        "A young woman is laughing in a meadow",
        "so tired of this weather",
        "Sad",
        "Woman jumping",
        "lol omg wtf",
        "c'est la vie",
        "déjà vu at the café",
        "naïve café résumé",
        "Naïve Café Résumé",
        "NAÏVE CAFÉ RÉSUMÉ",
        "nai\u0308ve cafe\u0301 re\u0301sume\u0301",
        "crème brûlée, soufflé, éclair and crêpes",
        "the fiancée’s soirées",
        "New York Fashion Week 2015",
        "Angela Merkel in Berlin",
        "Juan Carlos and Maria Fernandez",
        "Salt flat at Salar de Uyuni, Bolivia",
        "🙂🙂🙂",
        "12:30 / 50 %",
        "#wanderlust #schadenfreude #fernweh @münchen",
        "https://www.beispiel.de/eine-lange-adresse-mit-worten",
        "RT @user: ???",
        "I love 北京",
        "α",
        "",
    ],
)
def test_english_names_signs_and_short_captions_are_not(caption: str) -> None:
    assert not is_foreign(caption, ENGLISH)


@pytest.mark.parametrize(
    "caption",
    [
        "te amo mucho",
        "O gato preto",
        "kedi öldü",
        "Ich Hasse Montage",
        "LA VITA E BELLA",
        "Estoy muy triste",
        "Ich bin traurig",
        "mon chat est mort",
        "Guten Morgen",
        "größer",
        "mon café est froid",
        "un café très chaud s'il vous plaît",
        "lol ich bin traurig",
    ],
)
def test_few_words_of_another_language_are_unclear(caption: str, text: TextFrontend) -> None:
    assert is_foreign(caption, ENGLISH) or is_unclear(caption, ENGLISH, text.knows)


@pytest.mark.parametrize(
    "caption",
    [
        "so happy",
        "my cat died",
        "LOL omg",
        "idk tbh",
        "sunsets",
        "go Pats",
        "happy diwali",
        "Angela Merkel",
        "Xi Jinping",
        "RIP Kobe",
        "fiancée",
        "naïve café résumé",
        "crème brûlée",
        "déjà vu",
        "piña colada",
        "c’est la vie",
        "my protégé's résumé",
        "re\u0301sume\u0301 cliche\u0301",
        "I love 北京",
        "#schadenfreude #fernweh",
        "🙂🙂🙂",
        "",
    ],
)
def test_few_words_of_english_are_not(caption: str, text: TextFrontend) -> None:
    assert not is_unclear(caption, ENGLISH, text.knows)


def test_what_is_unclear_depends_on_what_the_task_reads(text: TextFrontend) -> None:
    for languages in ((), ("de",), ("en", "de"), ("en", "tlh"), ("zh",)):
        assert not is_unclear("Ich bin sehr traurig heute", languages, text.knows)


def test_punctuation_alone_is_no_words() -> None:
    assert all(map(is_wordless, ("!!!", "?! …", "---", ":)", "。", "$")))
    assert not any(map(is_wordless, ("ok!", "12:30", "¡á!", "北京。", "🙂", "♥")))


def test_it_depends_on_what_the_task_reads() -> None:
    german, chinese = "Der Hund läuft schnell über die grüne Wiese", "今天能来到这里我非常高兴"
    assert not is_foreign(german, ("en", "de")) and is_foreign(german, ("zh",))
    assert not is_foreign(chinese, ("zh",)) and is_foreign(chinese, ("en", "de"))
    assert is_foreign("ここに来られてとても嬉しいです", ("zh",))
    assert is_foreign("Сьогодні дуже гарний день для прогулянки", ("ru",))


def test_a_task_without_languages_or_with_an_unknown_one_reads_all() -> None:
    for languages in ((), ("en", "tlh")):
        assert not is_foreign("Der Hund läuft schnell über die grüne Wiese", languages)


def test_every_language_can_be_told_by_the_words_where_its_script_has_several() -> None:
    known = set(load().labels)
    assert {language for of in SCRIPTS.values() if len(of) > 1 for language in of} <= known
