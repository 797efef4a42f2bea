"""What many answers cost beside the network alone in batches (BB), and how much memory they take.

python -m benchmarks.many rows --task spoken_digits --manifest DATA/dev.jsonl [--parts 10] [--folder KEPT]
python -m benchmarks.many evaluate --task sentiment --manifest DATA/dev.jsonl [--folder KEPT]

`rows` writes a manifest out of the sounds of another, each time at another loudness, so that none is answered from
memory. `predict --manifest` answers it in runs that each go on where the one before stopped, a part further, and after
each the bare batches of a quarter of the part are timed. `evaluate` asks and judges all rows of a manifest, beside the
forward passes that the figures need: each encoder once a sample, the fusion once a subset of its modalities. With
`--folder` both go on where they were stopped. Of all that this process does the time on a processor is counted.
"""

import argparse
import json
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import soundfile
import torch

from mmdemo import decode, tasks, whole_file
from mmdemo.commands.command import version_folder
from mmdemo.commands.many import predict_many
from mmdemo.evaluation import LabelledRow, ask, figures, retrieval
from mmdemo.evaluation.answers import Answers
from mmdemo.model import encoded
from mmdemo.model.batch import Batch
from mmdemo.prediction import loading
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.values.samples import Inputs, Modalities, Sample, subsets

PART = 16 * decode.WINDOW  # rows between two turns
QUARTER = 4
ASKED = 4 * decode.WINDOW  # rows of a manifest that are evaluated at once
QUIETER = 0.93  # each time a sound is written again
Bare = Callable[[Sequence[Sample]], float]  # samples → seconds of their bare batches


def main() -> None:
    """Print a line a part, or one for all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["rows", "evaluate"])
    parser.add_argument("--task", required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--parts", type=int, default=10, help=f"of {PART} rows each (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="that is there, where rows and answers stay (default: nowhere)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        settings, task = Settings(home=Path(name) / "home"), tasks.get(args.task)
        if args.what == "rows":
            _rows(settings, task, args.manifest, args.parts, args.folder or Path(name))
        else:
            _evaluate(settings, task, manifests.read(args.manifest, task), args.folder or Path(name))


def _rows(settings: Settings, task: Task, source: Path, parts: int, folder: Path) -> None:
    lines = _written(task, source, parts * PART, folder)
    bare = _bare(settings, task, subsets_too=False)
    print("| rows so far | seconds of this part | BB | times | resident MiB |\n|---|---|---|---|---|")
    command = argparse.Namespace(manifest=folder / "rows.jsonl", out=folder / "out.jsonl", shard=None, version=None)
    command.runtime = "torch"
    earlier = len(command.out.read_bytes().splitlines()) // PART if command.out.exists() else 0
    for number in range(earlier + 1, parts + 1):
        command.manifest.write_text("".join(lines[: number * PART]), "utf-8")
        start = time.process_time()
        value = predict_many(command, settings, task).value
        took = time.process_time() - start
        assert (value["answered"] + value["errors"], value["earlier"]) == (number * PART, (number - 1) * PART)
        part = lines[(number - 1) * PART : (number - 1) * PART + PART // QUARTER]
        passes = QUARTER * bare([Sample(audio=folder / json.loads(line)["audio"]) for line in part])
        print(f"| {number * PART} | {took:.1f} | {passes:.1f} | {took / passes:.2f} | {_resident():.0f} |", flush=True)


def _written(task: Task, source: Path, count: int, folder: Path) -> list[str]:
    """Write sounds of another manifest anew until there are so many; return the lines of the new one."""
    rows, lines = manifests.read(source, task), list[str]()
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        row = rows[number % len(rows)]
        if not (path := folder / f"{number}.flac").exists():
            sound, rate = soundfile.read(row.sample.audio)
            soundfile.write(path, sound * QUIETER ** (number // len(rows)), rate)
        lines.append(json.dumps({"id": str(number), "audio": f"{number}.flac", "label": row.label}) + "\n")
    return lines


def _evaluate(settings: Settings, task: Task, rows: Sequence[LabelledRow], folder: Path) -> None:
    predictor, bare = Predictor(task, None, settings), _bare(settings, task, subsets_too=True)
    asked, took, passes = list[Answers](), 0.0, 0.0
    assert predictor.model_version  # it is loaded before anything is timed
    for first in range(0, len(rows), ASKED):
        some, kept = rows[first : first + ASKED], folder / f"answers-{first}.pickle"
        if not kept.exists():
            start = time.process_time()
            answers = ask(predictor, some)
            seconds = time.process_time() - start
            whole_file.write(kept, pickle.dumps((answers, seconds, bare([row.sample for row in some]))))
        answers, seconds, alone = pickle.loads(kept.read_bytes())
        print(f"{first + len(some)} rows: {seconds:.1f} s beside {alone:.1f} s", file=sys.stderr, flush=True)
        asked, took, passes = [*asked, answers], took + seconds, passes + alone
    start = time.process_time()
    everything = _joined(asked)
    figures(everything)
    retrieval.measure(everything, rows)
    took += time.process_time() - start
    print("| rows | seconds of evaluate | bare batches, all subsets | times | resident MiB |\n|---|---|---|---|---|")
    print(f"| {len(rows)} | {took:.1f} | {passes:.1f} | {took / passes:.2f} | {_resident():.0f} |")


def _joined(asked: Sequence[Answers]) -> Answers:
    """Return the answers to all rows as if they had been asked about together."""
    subsets = {subset: tuple(row for some in asked for row in some.parts.get(subset, ())) for subset in asked[0].parts}
    whole, features = ([each for some in asked for each in getattr(some, name)] for name in ("whole", "features"))
    refused = sum(some.refused for some in asked)
    return replace(asked[0], refused=refused, whole=tuple(whole), parts=subsets, features=tuple(features))


def _bare(settings: Settings, task: Task, subsets_too: bool) -> Bare:
    served = loading.load(version_folder(task, None, settings), task)

    @torch.inference_mode()
    def bare(samples: Sequence[Sample]) -> float:
        seconds = 0.0
        for together in _grouped(samples, task):
            batch: Batch = served.processor(together).batch
            start = time.process_time()
            if subsets_too:
                _parts(batch, together[0].modalities)
            else:
                served.model(batch)
            seconds += time.process_time() - start
        return seconds

    def _parts(batch: Batch, modalities: Modalities) -> None:
        tokens = served.model.encode(batch)
        for part in subsets(modalities):
            served.model.fuse(tokens.only(part))

    return bare


def _grouped(samples: Sequence[Sample], task: Task) -> Iterator[list[Inputs]]:
    """Yield decoded samples as they are answered together."""
    for outcomes in decode.decode_ahead(samples, task):
        inputs = [one for one in outcomes if isinstance(one, Inputs)]
        yield from ([inputs[place] for place in places] for places in encoded.alike(inputs))


def _resident() -> float:
    """Return the memory of this process in MiB."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
