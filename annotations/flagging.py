"""DoubtFlagger: puts the queue, the Review tab's store and the export behind anybody's Gradio app.

The app's model stays its own. Inputs are found by component (Image, Textbox, Audio), its answer is the first Label.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradio.components import Audio, Component, Image, Label, Textbox
from gradio.flagging import FlaggingCallback
from gradio.utils import get_upload_folder

from annotations import review_queue
from annotations.review_queue.content import Holder
from annotations.review_queue.keeper import Quota
from annotations.store import Store, open_store, samples
from mmdemo import decode, settings, tasks
from mmdemo.answers import KINDS, NONE_OF_THESE
from mmdemo.errors import BadInput, ManifestError
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import FlagReason, Inputs, Prediction, Sample

_MODALITY: Mapping[type[Component], str] = {Image: "image", Textbox: "text", Audio: "audio"}


class DoubtFlagger(FlaggingCallback):
    """A `flagging_callback` for `gr.Interface`: doubtful answers are queued with their inputs, others leave a row.

    With `flagging_mode="auto"` every answer on the app's page comes here; of those to API callers Gradio says nothing.
    With "manual" and `flagging_options` that are labels of the task, the chosen one goes along as the visitor's
    suggestion. Whoever puts it into an app tells its visitors that doubtful inputs are kept. To review them here, the
    task's file must be a shipped one or lie in MMDEMO_TASK_DIR; it needs no encoders.
    """

    def __init__(self, task: str | Task, model_version: str = "gradio", where: Settings | None = None) -> None:
        """Nothing is opened yet. `task`: a name, the path of a TOML file, or a Task; its threshold decides.

        `model_version` is kept with every row; `where` replaces the settings of this process. Raises UnknownName,
        ManifestError (also of a task whose answers no Label component shows).
        """
        self._settings = where or settings.load()
        self._task = task if isinstance(task, Task) else tasks.get(task, self._settings.task_dir)
        from_shares = KINDS[self._task.kind].from_shares
        if from_shares is None:
            raise ManifestError("flagger_kind", task=self._task.name, kind=self._task.kind)
        self._from_shares = from_shares
        self._model_version = model_version
        self._components: Sequence[Component] = ()
        self._store: Store | None = None
        self._quota: Quota | None = None

    def setup(self, components: Sequence[Component], flagging_dir: str) -> None:
        """Called by Gradio once. Raises ManifestError where the app has no Label, StorageError."""
        if not any(isinstance(component, Label) for component in components):
            raise ManifestError("flagger_without_label", task=self._task.name)
        self._components = components
        self._store = open_store(self._settings)
        self._quota = Quota(self._store, self._settings)

    def flag(self, flag_data: list[Any], flag_option: str | None = None, username: str | None = None) -> int:
        """Called by Gradio with the components' values; return how many samples of the task wait for a person.

        Raises BadInput, UnknownName, NotKept, StorageError. Gradio prints it; the app's visitors have their answer all
        the same.
        """
        assert self._store is not None and self._quota is not None, "setup comes first"
        inputs = decode.decode_untrusted(self._sample(flag_data), self._task)
        prediction = self._prediction(inputs, self._shares(flag_data))
        suggested = flag_option if self._task.takes(flag_option) else None
        offered = self._store, self._task, inputs, prediction
        review_queue.offer(*offered, share=0.0, suggested=suggested, holder=Holder.FLAGGING, admit=self._quota.room)
        with self._store.reading() as session:
            return len(samples.waiting(session, self._task.name))

    def _sample(self, flag_data: list[Any]) -> Sample:
        values: dict[str, Any] = {}
        for component, value in zip(self._components, flag_data, strict=True):
            name = next((name for kind, name in _MODALITY.items() if isinstance(component, kind)), None)
            if name in self._task.modalities and value and name not in values:
                values[name] = value if name == "text" else _uploaded(value)
        return Sample(**values)

    def _shares(self, flag_data: list[Any]) -> dict[str, float]:
        """Return what the Label component shows: by value, its best few alone where it shows no more."""
        pairs = zip(self._components, flag_data, strict=True)
        value = next(value for component, value in pairs if isinstance(component, Label)) or {}
        shares = {entry["label"]: float(entry["confidence"]) for entry in value.get("confidences") or ()}
        return shares or {str(value.get("label")): 1.0}

    def _prediction(self, inputs: Inputs, shares: Mapping[str, float]) -> Prediction:
        answer, confidence = self._from_shares(self._task, shares)
        flagged = confidence < self._task.threshold
        surely = FlagReason.NONE_OF_THESE if answer.value == NONE_OF_THESE else None
        return Prediction(
            sample_id=decode.sample_id(inputs, self._task.name),
            task=self._task.name,
            kind=self._task.kind,
            answer=answer,
            confidence=confidence,
            threshold=self._task.threshold,
            flagged=flagged,
            reason=FlagReason.LOW_CONFIDENCE if flagged else surely,
            modalities=inputs.modalities,
            model_version=self._model_version,
            latency_ms=0.0,
        )


def _uploaded(value: Any) -> Path:
    # Gradio hands over what the browser sent: a path elsewhere would be a way to read the server's files.
    path = Path(value["path"]).resolve() if isinstance(value, dict) and value.get("path") else None
    if path is None or not path.is_relative_to(Path(get_upload_folder()).resolve()):
        raise BadInput("not_uploaded")
    return path
