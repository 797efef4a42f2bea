"""The predictor of each task, made when it is first needed, and what the loop asks of it.

Callers at the same time share the lanes in which models answer, and there their batches.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import mmdemo
from annotations.store import Store, facts
from mmdemo.checks import language
from mmdemo.errors import MmdemoError
from mmdemo.prediction.lanes import AnswerLanes
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.analysis import AttributionReport, ExplanationSet, ForwardPass, MapRequest
from mmdemo.values.review import Reason
from mmdemo.values.samples import Features, Inputs, Prediction

REMEMBERED_S = 30 * 60.0  # that what models made of a sample stays which nobody asks about


class ServingPredictor(Protocol):
    """What the loop needs of a predictor."""

    task: Task

    @property
    def methods(self) -> Sequence[str]:
        """The explanation methods of the version that answers now."""

    @property
    def model_version(self) -> str:
        """The version that answers now."""

    @property
    def stands_in_for(self) -> str | None:
        """The version that should answer but cannot, "" for none that is; None where the right one answers."""

    @property
    def runtime(self) -> Reason | None:
        """What computes its encoders; None where that is PyTorch, and nothing else is wanted."""

    def equip(self) -> None:
        """From here on, have the runtime of the settings compute its encoders, as soon as it is made."""

    def answer(self, inputs: Inputs, explain: str = "none") -> tuple[Prediction, ForwardPass]:
        """Answer for a decoded sample, and return its forward pass."""

    def prepare(self, samples: Sequence[Inputs], threads: int) -> None:
        """Ask the encoders together about decoded samples that this thread answers next, by so many threads."""

    def forward(self, inputs: Inputs) -> ForwardPass:
        """Return the forward pass of a decoded sample. Raises BadInput for one that is refused all the same."""

    def study(self, forward: ForwardPass) -> ExplanationSet:
        """Return its other maps, and what met what."""

    def weigh(self, forward: ForwardPass, request: MapRequest) -> AttributionReport:
        """Return what each modality contributed, and how far the map that is asked for can be trusted."""

    def what_if(self, forward: ForwardPass, units: Collection[int], modalities: Collection[str]) -> dict[str, float]:
        """Return the probabilities without units of its map and without modalities."""

    def check(self, inputs: Inputs) -> None:
        """Raise BadInput for a decoded sample that is refused all the same."""

    def features(self, batch: Sequence[Inputs]) -> Features:
        """Return what it makes of decoded samples, to be compared."""

    def features_of(self, forward: ForwardPass) -> Features:
        """Return what it made of one, to be compared."""

    def forget(self, unasked_s: float = 0.0) -> None:
        """Let go of what is kept of samples that nobody asked about in so many seconds; 0: of all."""


def shipped_predictor(task: Task, settings: Settings) -> ServingPredictor:
    """Return the predictor of the version that is served."""
    return mmdemo.Predictor.of_page(task, settings)  # by attribute: torch is loaded only where somebody predicts


class Predictors:
    """One predictor a task. Threads may share it."""

    def __init__(self, settings: Settings, make: Callable[[Task, Settings], ServingPredictor]) -> None:
        self._settings = settings
        self._make = make
        self._lanes = AnswerLanes()
        self._made: dict[str, ServingPredictor] = {}  # by task
        self._making = threading.Lock()
        self._tried: set[str] = set()  # tasks whose model was loaded, or could not be
        self._erased: Mapping[str, str] = {}  # the last sample that is known to be erased

    def of(self, task: Task) -> ServingPredictor:
        """Return the predictor of a task."""
        with self._making:
            if task.name not in self._made:
                self._made[task.name] = self._make(task, self._settings)
            return self._made[task.name]

    def answer(self, task: Task, inputs: Inputs, explain: str) -> tuple[Prediction, ForwardPass]:
        """Answer for a decoded sample. Raises MmdemoError."""
        answer = self._lanes.answer(self.of(task), inputs, explain)
        self._tried.add(task.name)
        return answer

    def close(self) -> None:
        """Answer what waits, and end the lanes."""
        self._lanes.close()

    def ready(self, task: Task) -> bool:
        """Whether a sample of this task is answered without waiting for its model."""
        return task.name in self._tried

    def stand_in(self, task: Task) -> tuple[str, str] | None:
        """Return the version that should answer, "" for none that is, and the one that answers in its place."""
        predictor = self._made.get(task.name)
        champion = predictor.stands_in_for if predictor else None
        if predictor is None or champion is None:  # only where one stands in, a version is loaded that can be asked for
            return None
        return champion, predictor.model_version

    def forget_erased(self, store: Store) -> None:
        """Let go of what models made of samples: where some were erased since, of all; else of those of some time ago.

        Whoever erased them, here or in another process; what was made of parts of a sample goes too. Raises
        StorageError.
        """
        unasked_s = REMEMBERED_S
        try:
            with store.reading() as session:
                erased = facts.get(session, facts.LAST_ERASED)
            if erased != self._erased:
                unasked_s, self._erased = 0.0, erased
        finally:
            for predictor in list(self._made.values()):
                predictor.forget(unasked_s)

    def runtime(self, task: Task) -> Reason | None:
        """Return what computes the encoders of a task, None where that is PyTorch, or nothing was loaded yet."""
        predictor = self._made.get(task.name)
        return predictor.runtime if predictor else None

    def equip(self) -> None:
        """Let all that were made compute in the runtime of the settings, as soon as that is made beside the answers."""
        for predictor in list(self._made.values()):
            predictor.equip()

    def load(self, tasks: Mapping[str, Task]) -> None:
        """Load the models of all tasks; one that can't be loaded keeps none of the others from it."""
        if any("text" in task.modalities for task in tasks.values()):
            # It unpacks what tells languages apart, and lets others run meanwhile, as importing torch does not.
            threading.Thread(target=language.load, name="languages", daemon=True).start()
        for name, task in tasks.items():
            try:
                _ = self.of(task).methods  # asking for them loads the model
            except Exception as error:  # whoever asks for that task is told
                ours = isinstance(error, MmdemoError)
                logging.getLogger(__name__).warning("%s: %s", name, error, exc_info=not ours)
            finally:
                self._tried.add(name)
