"""Three annotators, a real Label Studio server, and a sync that is killed again and again; and what a round costs:

python -m benchmarks.labelstudio chaos [--operations N] [--kills N] [--seed SEED]
python -m benchmarks.labelstudio costs [--tasks N] [--samples N]

The first counts what was lost, doubled, wrong, or left without the guess that it should have, and prints a row of a
table; the second what rounds take beside the bare requests that they need. The server is the one of the tests.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import labelstudio_chaos, labelstudio_costs
from tests import label_studio_server


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.labelstudio", description=(__doc__ or "").split("\n")[0]
    )
    which = parser.add_subparsers(dest="which", required=True)
    chaos = which.add_parser("chaos")
    chaos.add_argument("--operations", type=int, default=10_000)
    chaos.add_argument("--kills", type=int, default=50)
    chaos.add_argument("--seed", type=int, default=0)
    costs = which.add_parser("costs")
    costs.add_argument("--tasks", type=int, default=50_000, help="that lie there in an idle round")
    costs.add_argument("--samples", type=int, default=1_000, help="that are sent and fetched")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="labelstudio-") as name,
        label_studio_server.running(Path(name) / "data") as server,
    ):
        if args.which == "chaos":
            count = labelstudio_chaos.run(args.operations, args.kills, args.seed, server, Path(name), sys.stderr)
            print(labelstudio_chaos.table(count))
        else:
            for line in labelstudio_costs.table(labelstudio_costs.run(args.tasks, args.samples, server, Path(name))):
                print(line, flush=True)


if __name__ == "__main__":
    main()
