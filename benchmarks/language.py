"""How many captions are called foreign, or unclear: those of a manifest in English, and others that are foreign.

python -m benchmarks.language MANIFEST.jsonl > benchmarks/language.md

`--show` lists the manifest's captions that are noted: tweets are not all English, so not each of them is a wrong alarm.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmdemo.checks import language
from mmdemo.model.processor import MultimodalProcessor, TextFrontend
from mmdemo.versions.registry import SHIPPED

LANGUAGES = ("en",)
SENTENCES = {
    "German": ("Der Hund läuft schnell über die grüne Wiese", "Eine Frau sitzt traurig am Fenster und weint"),
    "French": ("Une femme assise seule dans un café", "Je suis très heureux de vous voir aujourd'hui"),
    "Spanish": ("Una mujer triste mira por la ventana", "Los niños juegan en el parque bajo el sol"),
    "Italian": ("Il cane corre felice sulla spiaggia", "Sono molto contento di essere qui con voi"),
    "Portuguese": ("O cachorro corre feliz na praia", "As crianças brincam juntas no parque"),
    "Dutch": ("Een verdrietige vrouw kijkt uit het raam", "Kinderen spelen in het park onder de zon"),
    "Polish": ("Smutna kobieta patrzy przez okno", "Jestem bardzo szczęśliwy że tu jestem"),
    "Swedish": ("En ledsen kvinna tittar ut genom fönstret", "Hunden springer glatt på stranden"),
    "Danish": ("En trist kvinde kigger ud af vinduet", "Jeg er så glad for at være her"),
    "Finnish": ("Surullinen nainen katsoo ulos ikkunasta", "Olen niin onnellinen että olen täällä"),
    "Czech": ("Smutná žena se dívá z okna", "Jsem tak šťastný že jsem tady"),
    "Hungarian": ("Egy szomorú nő néz ki az ablakon", "Nagyon boldog vagyok hogy itt lehetek"),
    "Romanian": ("O femeie tristă se uită pe fereastră", "Sunt foarte fericit să fiu aici"),
    "Turkish": ("Üzgün bir kadın pencereden dışarı bakıyor", "Burada olduğum için çok mutluyum"),
    "Vietnamese": ("Một người phụ nữ buồn nhìn ra ngoài cửa sổ", "Tôi rất vui vì được ở đây"),
    "Indonesian": ("Seorang wanita sedih melihat ke luar jendela", "Saya sangat senang berada di sini"),
    "Tagalog": ("Malungkot na babae na nakatingin sa bintana", "Masaya ako na nandito ako ngayon"),
    "Swahili": ("Mwanamke mwenye huzuni anaangalia nje ya dirisha", "Nina furaha sana kuwa hapa leo"),
    "Russian": ("Грустная женщина смотрит в окно", "Я очень рад быть здесь сегодня"),
    "Ukrainian": ("Сумна жінка дивиться у вікно", "Я дуже радий бути тут сьогодні"),
    "Greek": ("Μια λυπημένη γυναίκα κοιτάζει έξω", "Είμαι πολύ χαρούμενος που είμαι εδώ"),
    "Arabic": ("امرأة حزينة تنظر من النافذة", "أنا سعيد جدا لوجودي هنا اليوم"),
    "Hebrew": ("אישה עצובה מביטה מהחלון", "אני כל כך שמח להיות כאן"),
    "Hindi": ("एक उदास औरत खिड़की से देखती है", "मैं यहाँ आकर बहुत खुश हूँ"),
    "Thai": ("ผู้หญิงเศร้ามองออกไปนอกหน้าต่าง", "ฉันดีใจมากที่ได้มาที่นี่"),
    "Chinese": ("一个悲伤的女人望着窗外", "今天能来到这里我非常高兴"),
    "Japanese": ("悲しそうな女性が窓の外を見ている", "ここに来られてとても嬉しいです"),
    "Korean": ("슬픈 여자가 창밖을 바라본다", "오늘 여기 와서 정말 기뻐요"),
}
SHORT_FOREIGN = {
    "German": ("Ich bin traurig", "Ich Hasse Montage", "mein Hund ist tot", "guten Morgen", "Schadenfreude"),
    "French": (
        "mon chat est mort",
        "je t'aime",
        "bonne nuit",
        "c'est magnifique",
        "QUEL BEAU JOUR",
        "mon café est froid",
    ),
    "Spanish": ("te amo mucho", "Estoy muy triste", "buenos días", "gato negro", "perro", "un café por favor"),
    "Italian": ("LA VITA E BELLA", "ti amo", "che bella giornata", "sono stanco"),
    "Portuguese": ("O gato preto", "eu te amo", "hoje estou feliz", "bom dia"),
    "Dutch": ("ik hou van jou", "tot ziens", "mijn kat is dood"),
    "Polish": ("kocham cię", "dzień dobry", "mój pies umarł"),
    "Swedish": ("jag älskar dig", "god natt", "min katt är död"),
    "Danish": ("det er trist", "tak for alt"),
    "Finnish": ("hyvää huomenta", "minun kissani kuoli"),
    "Czech": ("dnes je smutno", "dobrou noc"),
    "Hungarian": ("szép nap", "szeretlek nagyon"),
    "Romanian": ("te iubesc mult", "Îmi este dor"),
    "Turkish": ("kedi öldü", "seni seviyorum", "çok güzel"),
    "Vietnamese": ("anh yêu em", "buồn quá"),
    "Indonesian": ("saya sangat sedih", "selamat pagi"),
    "Russian": ("мне грустно", "люблю тебя"),
    "Greek": ("είμαι λυπημένος", "καλημέρα"),
    "Chinese": ("我很难过", "生日快乐"),
    "Japanese": ("悲しい", "大好きです"),
}
SHORT_ENGLISH = {
    "feelings": (
        "so happy",
        "sad",
        "I love you",
        "so tired",
        "my heart hurts",
        "feels bad man",
        "love u",
        "ugh mondays",
    ),
    "events": ("my cat died", "best day ever", "worst day ever", "happy birthday grandma", "RIP Kobe", "good morning"),
    "of the net": ("LOL omg", "lol", "idk tbh", "thx bro", "wtf is this", "omg yasss queen", "sooo cute", "gr8 day"),
    "names": ("Angela Merkel", "Juan Carlos", "Xi Jinping", "Lionel Messi", "San Francisco", "Cristiano Ronaldo goal"),
    "loanwords": (
        "déjà vu",
        "happy diwali",
        "café culture",
        "piña colada",
        "c'est la vie",
        "feliz navidad everyone",
        "naïve café résumé",
        "the fiancée's soirée",
    ),
    "things": ("sunset", "hello world", "coffee time", "go Pats", "Nikon D850 shot", "mood af", "Taylor Swift live"),
}


def main() -> None:
    """Print the table, and what it counts wrongly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--show", action="store_true", help="list the captions of the manifest that are noted")
    asked = parser.parse_args()
    text = MultimodalProcessor.from_pretrained(SHIPPED / "sentiment").text
    assert text is not None, "the shipped model reads captions"
    captions = _by_group(asked.manifest)
    print(f"`python -m benchmarks.language {asked.manifest.name} > benchmarks/language.md`, with the words that the")
    print("shipped sentiment model knows.\n")
    print("| captions | n | called foreign | unclear | noted |\n|---|---|---|---|---|")
    for name, some in {f"{asked.manifest.name}, {group}": some for group, some in captions.items()}.items():
        print(_line(name, some, text))
    for name, lists in LISTS.items():
        print(_line(name, [caption for some in lists.values() for caption in some], text))
    print(f"\nForeign and not noted: {_listed(_noted(SENTENCES, text, False) + _noted(SHORT_FOREIGN, text, False))}.")
    print(f"\nEnglish and noted: {_listed(_noted(SHORT_ENGLISH, text, True))}.")
    if asked.show:
        print(*_noted(captions, text, True), sep="\n")


def _by_group(manifest: Path) -> dict[str, list[str]]:
    rows = [json.loads(line) for line in manifest.read_text("utf-8").split("\n") if line]
    return {
        group: [row["text"] for row in rows if row["group"] == group] for group in sorted({r["group"] for r in rows})
    }


def _line(name: str, captions: Sequence[str], text: TextFrontend) -> str:
    foreign = sum(language.is_foreign(caption, LANGUAGES) for caption in captions)
    noted = sum(_is_noted(caption, text) for caption in captions)
    return f"| {name} | {len(captions)} | {foreign} | {noted - foreign} | {noted / len(captions):.1%} |"


def _is_noted(caption: str, text: TextFrontend) -> bool:
    return language.is_foreign(caption, LANGUAGES) or language.is_unclear(caption, LANGUAGES, text.knows)


def _noted(lists: Mapping[str, Sequence[str]], text: TextFrontend, wanted: bool) -> list[str]:
    return [caption for some in lists.values() for caption in some if _is_noted(caption, text) == wanted]


def _listed(captions: Sequence[str]) -> str:
    return ", ".join(f"*{caption}*" for caption in captions) or "none"


LISTS: dict[str, Mapping[str, Sequence[str]]] = {
    "foreign sentences": SENTENCES,
    "foreign, a few words": SHORT_FOREIGN,
    "English, a few words": SHORT_ENGLISH,
}

if __name__ == "__main__":
    main()
