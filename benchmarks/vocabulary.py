"""What a smaller word table of the shipped sentiment version would save, and which captions it would spell otherwise.

python -m benchmarks.vocabulary DATA > benchmarks/vocabulary.md     DATA holds train.jsonl and dev.jsonl of sentiment

Pieces are chosen by captions of train and of the task, and by the most frequent English words of wordfreq 3.1.1 (code
Apache 2.0, lists CC BY-SA 4.0), which `python -m pip install wordfreq==3.1.1` installs; all pieces with a digit stay
too. Nothing is chosen by dev: it says how people's captions fare. Captions are answered alone, by their text.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from mmdemo import tasks
from mmdemo.compression import pieces
from mmdemo.compression.vocabulary import captions_of
from mmdemo.decode import decode_caption
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.model.batch import Batch, EncoderInputs
from mmdemo.model.frontends.text import TextFrontend
from mmdemo.training import manifests
from mmdemo.values.samples import Inputs
from mmdemo.versions.registry import SHIPPED

WORDS = (None, 0, 20_000, 50_000, 100_000, 300_000)  # most frequent ones; None: all pieces stay
TASK = "sentiment"
BATCH = 16


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    from wordfreq import top_n_list

    task, loaded = tasks.get(TASK), MultimodalModel.load(SHIPPED / TASK)
    assert loaded.processor.text is not None
    tokenizer = loaded.processor.text.tokenizer
    width = loaded.model.config.encoders["text"]["config"]["hidden_size"] + 4  # numbers in 8 bits, and a row's scale
    used = pieces.used(tokenizer, sorted(set(captions_of(task, manifests.read(data / "train.jsonl", task)))))
    used |= {number for piece, number in tokenizer.get_vocab().items() if any(map(str.isdigit, piece))}
    rows = [row for row in manifests.read(data / "dev.jsonl", task) if row.sample.text.strip()]
    captions = [decode_caption(row.sample.text) or "" for row in rows]
    print(f"# Word pieces: {TASK}, {tokenizer.get_vocab_size():,} of them; {len(captions):,} captions of dev\n")
    print("| pieces of train and of so many words | pieces | bytes fewer | spelled as before | of the others right |")
    print("|---|---|---|---|---|")
    for number in WORDS:
        words = top_n_list("en", number, wordlist="large") if number else []
        wanted = set(tokenizer.get_vocab().values()) if number is None else used | pieces.used(tokenizer, words)
        smaller, numbers = pieces.trimmed(tokenizer, wanted)
        frontend = TextFrontend(smaller)
        changed = [
            row
            for row, caption in enumerate(captions)
            if smaller.encode(caption).tokens != tokenizer.encode(caption).tokens
        ]
        texts = [captions[row] for row in changed]
        answers = [_answers(loaded, each, texts, kept) for each, kept in ((None, None), (frontend, numbers))]
        truth = [rows[row].label for row in changed]
        right = [sum(one == label for one, label in zip(each, truth, strict=True)) for each in answers]
        saved = width * (tokenizer.get_vocab_size() - len(numbers))
        name = "all" if number is None else f"{number:,}"
        before = f"{right[0]} → {right[1]} of {len(changed)}" if changed else "–"
        print(
            f"| {name} | {len(numbers):,} | {saved:,} | {1 - len(changed) / len(captions):.3f} | {before} |", flush=True
        )


@torch.inference_mode()
def _answers(
    loaded: Loaded, frontend: TextFrontend | None, captions: Sequence[str], numbers: Sequence[int] | None
) -> list[str]:
    """Return the labels of captions, as a smaller tokenizer spells them, whose pieces have these numbers."""
    labels = []
    for begin in range(0, len(captions), BATCH):
        batch = loaded.processor([Inputs(text=caption) for caption in captions[begin : begin + BATCH]]).batch
        if frontend is not None and numbers is not None:
            spelled = frontend(captions[begin : begin + BATCH])
            ids = torch.tensor(numbers)[spelled.ids]
            present = batch.modalities["text"].present
            batch = Batch({"text": EncoderInputs((ids, spelled.attention, spelled.words), present)})
        logits = loaded.model(batch).logits
        labels += [loaded.model.config.labels[number] for number in logits.argmax(dim=1).tolist()]
    return labels


if __name__ == "__main__":
    main()
