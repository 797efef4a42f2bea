"""Does a map agree with itself: with what decided the answer, and with the words that its sentence names?

python -m benchmarks.agreement --task T --manifest M [--limit N] > benchmarks/agreement.md

Each signed method twice: on its own scale, and as it is shown, where `explain.complete` shares effects out. The
task's examples come first, then samples of the manifest, drawn at random.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faithfulness import ground_of, passed, sampled
from mmdemo import explain, tasks
from mmdemo.decode import decode
from mmdemo.explain import AimedPass
from mmdemo.explain.shapley import contributions
from mmdemo.process import memory
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.ui.maps import function_words, map_views
from mmdemo.values.layout import scores_of
from mmdemo.values.samples import Explanation, Sample

MATTERED = 0.05  # of probability that a modality added or took, from which it counts as having mattered
STRONGEST = 3  # words that are looked at
NAMED = re.compile(r'<bdi class="mm-said">(.*?)</bdi>')


@dataclass(frozen=True)
class Agreement:
    """How one map of one sample agrees with itself."""

    opposite: Mapping[str, bool]  # modality that mattered → do its scores sum to the other sign than its effect?
    off: float  # the largest difference between a sum and its effect
    turned: int  # units on another side than on the method's own scale
    strongest: bool  # is a function word or punctuation among the strongest words?
    named: Sequence[str]  # words that the sentence names


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=60, help="samples of the manifest (default: %(default)s)")
    args = parser.parse_args()
    memory.keep_freed()
    task = tasks.get(args.task)
    ground = ground_of(task, explain.COMPLETE, ())
    rows = sampled(manifests.read(args.manifest, task), args.limit)
    examples = [Sample(example.image, example.text, example.audio) for example in task.examples]
    samples = [*examples, *(row.sample for row in rows)]
    agreements: dict[tuple[str, str], list[Agreement]] = defaultdict(list)
    for sample in samples:
        aimed, _, _ = passed(ground, decode(sample, task))
        for method in ground.methods:
            raw = explain.METHODS[method](aimed, [aimed.explanation_target])[0]
            for scale, explained in (("its own", raw), ("as shown", explain.explain(method, aimed))):
                agreements[method, scale].append(agreement(aimed, raw, explained, sample, task))
    print(f"# Maps that agree with themselves: {task.name}, {ground.about.version}\n")
    print(f"{len(examples)} examples and {len(rows)} samples of {args.manifest.name}.\n")
    print("\n".join((*sums(agreements), "", *sentences(agreements))))


def agreement(aimed: AimedPass, raw: Explanation, explained: Explanation, sample: Sample, task: Task) -> Agreement:
    """Return how a map agrees with the contributions of the same target, and with its own sentence."""
    effects = contributions(aimed).values
    totals = {name: sum(scores) for name, scores in aimed.layout.split(scores_of(explained)).items()}
    sides = [np.sign(scores_of(each)) for each in (raw, explained)]
    words = sorted(explained.text.tokens if explained.text else (), key=lambda token: -abs(token.score))
    return Agreement(
        opposite={n: totals[n] * effect < 0 for n, effect in effects.items() if abs(effect) >= MATTERED},
        off=max(abs(totals[name] - effect) for name, effect in effects.items()),
        turned=int((sides[0] * sides[1] < 0).sum()),
        strongest=any(not function_words.is_meaningful(token.text) for token in words[:STRONGEST]),
        named=NAMED.findall(map_views.of(explained, sample.text, task, "en").sentence),
    )


def sums(agreements: Mapping[tuple[str, str], Sequence[Agreement]]) -> Iterator[str]:
    """Yield the lines of the table of signs."""
    names = sorted({name for each in agreements.values() for item in each for name in item.opposite})
    columns = [f"{name}: opposite sign" for name in names]
    yield f"| map | scale | {' | '.join(columns)} | largest difference of a sum | units that changed sides |"
    yield "|" + "---|" * (4 + len(names))
    for (method, scale), items in agreements.items():
        counts = [
            f"{sum(item.opposite.get(name, False) for item in items)} of {sum(name in item.opposite for item in items)}"
            for name in names
        ]
        off = f"{max(item.off for item in items):.1g}" if scale == "as shown" else "–"
        yield f"| `{method}` | {scale} | {' | '.join(counts)} | {off} | {sum(item.turned for item in items)} |"


def sentences(agreements: Mapping[tuple[str, str], Sequence[Agreement]]) -> Iterator[str]:
    """Yield the lines of the table of words."""
    yield f"| map | a function word or mark is among the {STRONGEST} strongest | the sentence names one | names words |"
    yield "|---|---|---|---|"
    for (method, scale), items in agreements.items():
        if scale == "as shown":
            small = sum(any(not function_words.is_meaningful(word) for word in item.named) for item in items)
            named = sum(bool(item.named) for item in items)
            strongest = sum(item.strongest for item in items)
            yield f"| `{method}` | {strongest} of {len(items)} | {small} | {named} |"


if __name__ == "__main__":
    main()
