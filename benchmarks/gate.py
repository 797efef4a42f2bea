"""What the gate does to challengers of which the truth is known: months of equal ones, planted gains, planted losses.

python -m benchmarks.gate [--keep FILE] [--runs N]

Versions and samples are simulated (`benchmarks.gate_worlds`), the verdicts are those of the gate's own function. What
each run gave goes to --keep as it is counted, a line each; what stands there is not counted again.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import binomtest

from annotations.nightly.gate import PROMOTED, REJECTED
from annotations.nightly.looks import MONTHLY_BUDGET
from benchmarks.gate_worlds import HELD_OUT_SHARE, NIGHTS, World, month, passed_before, single

RUNS = 2_000
FEWER = 4  # of the lines that are reported beside the first, so many times fewer months
HELD_OUT = 400  # corrections at the one look of a planted difference
GAIN = 0.05


@dataclass(frozen=True)
class Scenario:
    """One line of a table."""

    name: str
    world: World
    reach: str = "reported"

    def months(self, seed: int) -> dict[str, Any]:
        """Return what came of one month."""
        names = [verdict.name for verdict in month(self.world, seed)]
        return {"looks": len(names), "promoted": PROMOTED in names, "rejected": names.count(REJECTED)}

    def look(self, seed: int) -> dict[str, Any]:
        """Return what came of one look."""
        verdict = single(self.world, HELD_OUT, seed)
        missing = verdict.numbers.get("labels_missing")
        return {"verdict": verdict.name, "missing": missing, "difference": verdict.numbers["difference"]}

    def before(self, seed: int) -> dict[str, Any]:
        """Return whether the rule before let a challenger pass."""
        return {"passed": passed_before(self.world, seed)}


MONTHS = (
    Scenario("7 % disagreement", World(), f"≤ {MONTHLY_BUDGET:.0%}"),
    Scenario("12 % disagreement", World(disagreement=0.12), f"≤ {MONTHLY_BUDGET:.0%}"),
    Scenario("7 %, random checks of 2 %", World(audit_share=0.02), f"≤ {MONTHLY_BUDGET:.0%}"),
    Scenario("7 %, blind", World(blind=True), f"≤ {MONTHLY_BUDGET:.0%}"),
    Scenario("7 %, half of it waits", World(answered=0.5), f"≤ {MONTHLY_BUDGET:.0%}"),
    Scenario("the same, checks of 2 % after 60", World(answered=0.5, later_share=0.02), f"≤ {MONTHLY_BUDGET:.0%}"),
)
PLANTED = (
    Scenario("gain of 5 points, 7 % disagreement", World(gain=GAIN), "promoted ≥ 80 %"),
    Scenario("the same, blind", World(gain=GAIN, blind=True), "promoted ≥ 80 %"),
    Scenario("the same, random checks of 2 %", World(gain=GAIN, audit_share=0.02)),
    Scenario("gain of 5 points, 12 % disagreement", World(gain=GAIN, disagreement=0.12)),
    Scenario("the same, blind", World(gain=GAIN, disagreement=0.12, blind=True)),
    Scenario("loss of 5 points in one class, no gain", World(lost_class=GAIN), "promoted ≤ 1 %"),
    Scenario("loss of 5 points in all", World(gain=-GAIN)),
    Scenario("equal", World()),
)
AT_RANDOM = HELD_OUT_SHARE  # with random checks of that share, all samples have the same chance
BEFORE = (
    Scenario("equal", World(blind=True, audit_share=AT_RANDOM)),
    Scenario("5 points worse", World(gain=-GAIN, blind=True, audit_share=AT_RANDOM)),
)


def main(argv: Sequence[str] | None = None) -> None:
    """Count what is missing, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--keep", type=Path, help="JSON lines of what each run gave: read, and added to")
    parser.add_argument(
        "--runs", type=int, default=RUNS, help="looks of each line, and months of the first (default: %(default)s)"
    )
    args = parser.parse_args(argv)
    for table in (_months, _looks, _before):
        print("\n".join(table(args.keep, args.runs)), end="\n\n", flush=True)


def _months(keep: Path | None, runs: int) -> Iterator[str]:
    yield f"Months of {NIGHTS} nights with an equal challenger each, all that is set aside collected from nothing:"
    yield "\n| | months | looks a month | months with a false promotion | required | looks that refuse |"
    yield "|---|---|---|---|---|---|"
    for number, scenario in enumerate(MONTHS):
        months = runs // FEWER if number else runs
        outcomes = _counted(keep, f"month {scenario.name}", scenario.world, scenario.months, months)
        looked = sum(outcome["looks"] for outcome in outcomes)
        false = share(sum(outcome["promoted"] for outcome in outcomes), months)
        refused = share(sum(outcome["rejected"] for outcome in outcomes), looked)
        yield f"| {scenario.name} | {months} | {looked / months:.1f} | {false} | {scenario.reach} | {refused} |"


def _looks(keep: Path | None, runs: int) -> Iterator[str]:
    yield f"One look, the first of its month, at {HELD_OUT} corrections that are set aside:"
    yield "\n| | looks | promoted | rejected | waiting | required | more labels, where it waits (median) |"
    yield "|---|---|---|---|---|---|---|"
    for number, scenario in enumerate(PLANTED):
        outcomes = _counted(keep, f"look {number} {scenario.name}", scenario.world, scenario.look, runs)
        counts = Counter(outcome["verdict"] for outcome in outcomes)
        shares = " | ".join(share(counts[name], runs) for name in (PROMOTED, REJECTED, "waiting"))
        missing = sorted(outcome["missing"] for outcome in outcomes if outcome["missing"] is not None)
        median = f"{missing[len(missing) // 2]:.0f}" if missing else "–"
        yield f"| {scenario.name} | {runs} | {shares} | {scenario.reach} | {median} |"


def _before(keep: Path | None, runs: int) -> Iterator[str]:
    yield (
        "For comparison, a rule that promotes whatever is no worse in accuracy and macro-F1 and loses at most a tenth "
        "of what the champion surely knew: one night, 20 corrections that are set aside, drawn at random, 7 % "
        "disagreement:"
    )
    yield "\n| challenger | nights | passed |"
    yield "|---|---|---|"
    for scenario in BEFORE:
        outcomes = _counted(keep, f"before {scenario.name}", scenario.world, scenario.before, runs)
        yield f"| {scenario.name} | {runs} | {share(sum(outcome['passed'] for outcome in outcomes), runs)} |"


def share(count: int, of: int) -> str:
    """Return a share with Wilson's 95 % interval, as a table has it."""
    interval = binomtest(count, max(1, of)).proportion_ci(0.95, "wilson")
    return f"{count / max(1, of):.1%} ({interval.low:.1%} … {interval.high:.1%})"


def _counted(
    keep: Path | None, name: str, world: World, run: Callable[[int], Mapping[str, Any]], runs: int
) -> list[Mapping[str, Any]]:
    """Return what so many runs gave; those that are kept are not run again."""
    key = f"{name} {world}"
    lines = keep.read_text("utf-8").splitlines() if keep and keep.is_file() else []
    kept = {entry["seed"]: entry["outcome"] for entry in map(json.loads, lines) if entry["key"] == key}
    for seed in range(runs):
        if seed not in kept:
            kept[seed] = run(seed)
            if keep:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": key, "seed": seed, "outcome": kept[seed]}) + "\n")
    return [kept[seed] for seed in range(runs)]


if __name__ == "__main__":
    main()
