"""How the promise of a task stands with the version that serves: read, never written."""

from contextlib import suppress
from typing import Any

from mmdemo.errors import MmdemoError
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.live_figures import LiveFigures
from mmdemo.values.promise_status import PromiseStatus
from mmdemo.values.samples import to_json
from mmdemo.versions import local_rules, sidecar
from mmdemo.versions.registry import Versions


def of(settings: Settings, task: Task) -> PromiseStatus | None:
    """Return what the version that serves keeps of a task's promise; None where it promises nothing."""
    if task.promise is None:
        return None
    versions, version, record = Versions(settings), "", None
    with suppress(MmdemoError):  # what cannot be read is told where it is served
        version = versions.champion(task.name)
        record = sidecar.read(versions.path(task.name, version)).promise
    names = sidecar.subsets(task.modalities)
    local = local_rules.read(settings, task.name)
    return PromiseStatus.of(task.name, version, task.promise, task.threshold, record, names, local)


def as_json(status: PromiseStatus, live: LiveFigures) -> dict[str, Any]:
    """Return a promise as scripts read it."""
    return {
        "task": status.task,
        "error": status.promise.error,
        "sure": status.promise.sure,
        "population": status.population,
        "stands": status.stands,
        "thresholds": status.thresholds,
        "coverage": status.coverage,
        "missing": status.missing,
        "sentence": status.sentence(),
        "lines": list(status.lines()),
        "here": {name: to_json(kept) for name, kept in status.here.items()},
        "alarm": to_json(status.alarm),
        "live": to_json(live),
    }
