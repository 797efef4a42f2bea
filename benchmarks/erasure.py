"""How many words the default map strikes, and what that buys: its agreement with striking every word, and its cost.

python -m benchmarks.erasure --task T --manifest M [--limit N] > benchmarks/erasure.md

Striking every word is what `occlusion` does to a caption: each word alone is taken from it, and all of it is read anew.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.faithfulness import ground_of, passed, sampled
from benchmarks.faithfulness_tables import mean
from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.explain.methods.erasure import PIECES, erasure
from mmdemo.explain.perturbation.faithfulness import rank_correlation
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.process import memory
from mmdemo.training import manifests
from mmdemo.values.layout import scores_of

BOUNDS = (1, 60, 80, 100, 120, 140, 200, 300)  # word pieces; 1 is one word
ALL = 10**9
FEWEST = 3  # words that have ranks


def main() -> None:
    """Print a row a bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=200, help="samples, drawn at random (default: %(default)s)")
    args = parser.parse_args()
    memory.keep_freed()
    ground = ground_of(tasks.get(args.task), ["erasure"], ())
    measured: dict[int, list[tuple[float, float]]] = {bound: [] for bound in (*BOUNDS, ALL)}
    for row in sampled(manifests.read(args.manifest, ground.task), args.limit):
        aimed, whole_s, _ = passed(ground, decode(row.sample, ground.task))
        words = aimed.layout.units.get("text", range(0))
        maps, took = {}, {}  # by bound: the scores of words, and times of a prediction
        for bound in measured:
            start = time.perf_counter()
            [erased] = erasure(aimed, [ExplanationTarget(aimed.target)], bound)
            took[bound] = (time.perf_counter() - start) / whole_s
            maps[bound] = scores_of(erased)[words.start : words.stop]
        if len(words) >= FEWEST:
            for bound, scores in maps.items():
                measured[bound].append((rank_correlation(scores, maps[ALL]), took[bound]))
    print(f"# Words that are struck: {ground.task.name}, {ground.about.version}\n")
    print(f"{len(measured[ALL])} captions of dev of {FEWEST} words and more; the default is {PIECES} word pieces.\n")
    print("| word pieces in all copies | rank correlation of words with `occlusion` | adds, in times of a prediction |")
    print("|---|---|---|")
    for bound, values in measured.items():
        agreed, cost = np.array(values).T
        agreement = mean(agreed[~np.isnan(agreed)])  # words that are all worth the same have no ranks
        print(f"| {'all words' if bound == ALL else bound} | {agreement} | {np.median(cost):.2f} |")


if __name__ == "__main__":
    main()
