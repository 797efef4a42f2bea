"""How often a caption is called foreign: on a manifest of English captions, and on sentences in other languages.

python -m benchmarks.language MANIFEST.jsonl [--languages en] [--show]
"""

import argparse
import json
from pathlib import Path

from mmdemo import language

FOREIGN = {
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


def main() -> None:
    """Print both rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--languages", nargs="+", default=["en"], help="languages that the model reads")
    parser.add_argument("--show", action="store_true", help="print the captions that are called foreign")
    asked = parser.parse_args()
    rows = [json.loads(line) for line in asked.manifest.read_text("utf-8").splitlines() if line]
    alarms = [row["text"] for row in rows if language.is_foreign(row["text"], asked.languages)]
    sentences = [(name, sentence) for name, of in FOREIGN.items() for sentence in of]
    missed = [pair for pair in sentences if not language.is_foreign(pair[1], asked.languages)]
    print(f"called foreign in {asked.manifest.name}: {len(alarms)} of {len(rows)} ({len(alarms) / len(rows):.2%})")
    print(f"found of foreign sentences: {len(sentences) - len(missed)} of {len(sentences)}, {len(FOREIGN)} languages")
    for line in [f"missed: {name}: {sentence}" for name, sentence in missed] + (alarms if asked.show else []):
        print(" ", line.replace("\n", " "))


if __name__ == "__main__":
    main()
