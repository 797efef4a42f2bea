"""The version that serves answers the panel, and is judged by all of it, whoever served when its samples came."""

import mmdemo
from annotations.panel import asking, upkeep
from annotations.review_queue.answering_again import AnsweredAgain
from annotations.store import Store, panel
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.versions.registry import Versions


def catch_up(store: Store, settings: Settings, task: Task) -> AnsweredAgain:
    """Have the version that serves answer what it has not, and test its thresholds; return what came of it.

    Whoever broke off is followed by the next. Raises StorageError, CheckpointError.
    """
    versions = Versions(settings)
    if not versions.serves(task.name):
        return AnsweredAgain()
    version = versions.champion(task.name)
    with store.reading() as session:
        rows = panel.unanswered_by(session, task.name, version)
    answers = asking.ask(store, task, lambda: mmdemo.Predictor(task, version, settings), version, rows)
    upkeep.look(store, settings, task)
    return answers
