"""Which version answers for a task: the champion, followed wherever its pointer goes, or one that was asked for."""

import contextlib
import logging
import threading
from dataclasses import replace
from pathlib import Path

from mmdemo import locale
from mmdemo.errors import CheckpointError, MmdemoError
from mmdemo.prediction import loading
from mmdemo.prediction.engines import EngineChoice
from mmdemo.prediction.loading import Served
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason
from mmdemo.versions.local_rules import RuleInUse
from mmdemo.versions.registry import Versions

_log = logging.getLogger(__name__)


class VersionInUse:
    """The version that answers now, for any number of threads; `wanted` (a name or a folder) stays, None follows."""

    def __init__(
        self, task: Task, wanted: str | Path | None, settings: Settings, choice: EngineChoice | None = None
    ) -> None:
        """Load nothing yet. `choice`: the runtime that computes encoders; None: PyTorch."""
        self.wanted = wanted
        self._task = task
        self._versions = Versions(settings)
        self._loading = threading.Lock()
        self._served: Served | None = None
        self._refused: Path | None = None  # a champion that could not be loaded: not tried at every call
        self._rule = RuleInUse(settings, task.name)
        self._choice = choice
        self._equips = choice is not None and choice.waits  # … else from `equip` on

    @property
    def stands_in_for(self) -> str | None:
        """The version that should answer, where another one does because it cannot be loaded; "" for none that is."""
        pointed = None if self.wanted is not None else self._versions.pointed(self._task.name)
        if pointed is None or self._served is None or pointed == self._served.sidecar.version:
            return None
        refused = self._refused is not None and self._refused.name == pointed
        return pointed if refused or not pointed else None

    def current(self) -> Served:
        """Return the version to answer with; while one thread loads a new champion, the others keep the old one.

        What this home's checks say holds for a version that serves, not for one that was asked for by name. Raises
        UnknownName, CheckpointError.
        """
        served = self._version()
        return served if self.wanted is not None else replace(served, local=self._rule.now())

    @property
    def runtime(self) -> Reason | None:
        """What computes the encoders of the version that answers; None where nothing but PyTorch is wanted."""
        served = self._served
        if self._choice is None or served is None or not self._equips:
            return None
        if served.engine is None:
            return served.why_torch or Reason("status.runtime_begins", {"name": self._choice.runtime.name})
        if why := served.engine.failure.error:
            return Reason("status.runtime_torch", {"name": self._choice.runtime.name, "why": why})
        return Reason("status.runtime", {"engine": served.engine.name, "gain": round(served.engine.gain, 1)})

    def equip(self) -> None:
        """From here on, have the runtime that was chosen compute encoders, as soon as it is made beside the answers."""
        with self._loading:
            if not self._equips:
                self._equips = True
                self._served = self._begin(self._served) if self._served else None

    def forget(self, unasked_s: float) -> None:
        """Let go of what the version that is loaded keeps of samples that nobody asked about in so many seconds."""
        if self._served is not None:
            self._served.memory.forget(unasked_s)

    def _version(self) -> Served:
        served = self._served
        if served is not None and self.wanted is not None:
            return served
        folder = self._folder(served)
        if served is not None and folder in (served.folder, self._refused):
            return served
        if not self._loading.acquire(blocking=served is None):
            assert served is not None
            return served
        try:
            return self._load(folder)
        finally:
            self._loading.release()

    def _load(self, folder: Path) -> Served:
        if self._served is not None and self._served.folder == folder:
            return self._served
        try:
            self._served = self._begin(loading.load(folder, self._task))
        except CheckpointError as error:
            key = "cli.stays" if self._served else "cli.serves_instead"
            self._served = self._served or self._fallback(error)
            _log.error("%s", locale.text(key, version=self._served.sidecar.version, detail=error))
            self._refused = folder
        else:
            if self.stands_in_for == "":
                _log.error(
                    "%s",
                    locale.text("status.pointer_damaged", task=self._task.name, version=self._served.sidecar.version),
                )
        return self._served

    def _fallback(self, error: CheckpointError) -> Served:
        """Return the best other version that loads, where this one follows the pointer. Raises `error`."""
        for name in () if self.wanted is not None else self._versions.candidates(self._task.name)[1:]:
            with contextlib.suppress(MmdemoError):
                return self._begin(loading.load(self._versions.path(self._task.name, name), self._task))
        raise error

    def _begin(self, served: Served) -> Served:
        """Return a version that was loaded, as it begins to serve: with its engine, or soon."""
        if self._choice is None or not self._equips:
            return served
        if self._choice.waits:
            equipped = self._choice.equipped(served)
            if why := equipped.why_torch:
                _log.warning("%s: %s", served.about.version, why.sentence())
            return equipped
        # No daemon, whoever starts it: one that is stopped within a runtime takes the process down.
        threading.Thread(target=self._put_in, args=(self._choice, served), name="engine", daemon=False).start()
        return served

    def _put_in(self, choice: EngineChoice, served: Served) -> None:
        equipped = choice.equipped(served)
        with self._loading:
            if self._served is served:
                self._served = equipped

    def _folder(self, served: Served | None) -> Path:
        """Return the folder of the version to serve; one that is served already outlives a home that is gone."""
        if self.wanted is not None and Path(self.wanted).is_dir():
            return Path(self.wanted)
        if served is not None and self.wanted is None and self._versions.pointed(self._task.name) is None:
            return served.folder
        try:
            return self._versions.path(self._task.name, str(self.wanted or self._versions.champion(self._task.name)))
        except MmdemoError:
            if served is None:
                raise
            return served.folder
