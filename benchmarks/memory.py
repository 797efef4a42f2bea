"""Whether memory grows while the same samples are predicted and explained again and again, by the default method.

python -m benchmarks.memory --task T --manifest M     what it printed stands in benchmarks/faithfulness.md
"""

import argparse
import resource
from pathlib import Path

from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.training import manifests
from mmdemo.versions.registry import SHIPPED

SAMPLES = 20  # that take turns
PREDICTIONS = 1_000
TOLD_EVERY = 200


def main() -> None:
    """Print the most memory that the process ever held, as predictions go by."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    task = tasks.get(args.task)
    predictor = Predictor(task, SHIPPED / task.name, Settings(home=Path("nowhere")))
    rows = manifests.read(args.manifest, task)[:SAMPLES]
    decoded = [decode(row.sample, task) for row in rows]
    for number in range(PREDICTIONS + 1):
        predictor.predict_inputs(decoded[number % len(decoded)], "default")
        if number % TOLD_EVERY == 0:
            most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(f"{task.name}, {number} predictions: {most_kb / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
