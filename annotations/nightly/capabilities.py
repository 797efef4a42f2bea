"""What the task should be able to do, asked of champion and challenger alike, beside the pictures of its examples."""

from collections.abc import Sequence

from annotations.nightly.gate import CapabilityTally
from mmdemo import decode
from mmdemo.behaviour import Instance
from mmdemo.evaluation import behaviour
from mmdemo.evaluation.behaviour import InstanceResult
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.manifests import corpus
from mmdemo.values.samples import Inputs

TESTS = 40  # of each capability, always the same ones


def instances(task: Task) -> list[Instance]:
    """Return the tests; none for a task that describes no capability."""
    return behaviour.instances(task, count=TESTS)


def brought(task: Task, tests: Sequence[Instance]) -> list[Inputs]:
    """Return, decoded, what comes with the task and is asked about by every run: examples, captions to rehearse, tests.

    What cannot be read is left out.
    """
    rows = [*manifests.examples(task), *corpus.rehearsal(task)]
    asked = [*(row.sample for row in rows), *(each.sample for test in tests for each in test.expectations)]
    windows = decode.decode_ahead(decode.read_all(asked, task), task)
    return [each for window in windows for each in window if isinstance(each, Inputs)]


def tally(
    task: Task, champion: Sequence[InstanceResult], challenger: Sequence[InstanceResult]
) -> tuple[CapabilityTally, ...]:
    """Return how many tests of each capability hold for either version, of what came of the same `instances`."""
    pairs = list(zip(champion, challenger, strict=True))
    rates = behaviour.rates([old for old, _ in pairs], task)
    return tuple(
        _tally(name, [(old.holds, new.holds) for old, new in pairs if old.instance.capability == name])
        for name, rate in rates.items()
        if not rate.reported_only
    )


def _tally(name: str, outcomes: Sequence[tuple[bool, bool]]) -> CapabilityTally:
    return CapabilityTally(
        name,
        tests=len(outcomes),
        champion=sum(old for old, _ in outcomes),
        challenger=sum(new for _, new in outcomes),
        lost=sum(old and not new for old, new in outcomes),
        gained=sum(new and not old for old, new in outcomes),
    )
