"""Which runtime computes the encoders of versions that serve: made beside the answers, put in where it is no worse."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mmdemo.model import Loaded, engines
from mmdemo.model.engines import making
from mmdemo.model.engines.converted import Engine
from mmdemo.model.engines.interface import Runtime
from mmdemo.prediction.loading import Served, VersionMemory
from mmdemo.prediction.thread_shares import SHARES
from mmdemo.settings import AUTO, TORCH, Settings
from mmdemo.values.review import Reason

Runtimes = Mapping[str, Runtime]  # by name

_log = logging.getLogger(__name__)
_making = threading.Lock()  # one at a time: the processor is wanted for answers


@dataclass(frozen=True)
class EngineChoice:
    """A runtime for the versions that a predictor loads."""

    runtime: Runtime
    settings: Settings
    waits: bool  # answers wait until it is made; else PyTorch gives them meanwhile
    unmeasured: bool = False  # also in a precision in which nobody measured the version: what measures it asks for that
    least_gain: float = making.LEAST_GAIN  # as `making.make` has it

    def equipped(self, served: Served) -> Served:
        """Return a version with the runtime's encoders, or with why PyTorch stays."""
        try:
            engine = self._best(served)
        except Exception as error:  # what a runtime may raise is not known, and PyTorch serves
            why = str(error).split("\n")[0] or type(error).__name__
            _log.info("%s: %s", served.about.version, why, exc_info=True)
            return replace(served, why_torch=Reason("status.runtime_torch", {"name": self.runtime.name, "why": why}))
        if engine is None:
            return replace(served, why_torch=Reason("status.runtime_gains_nothing", {"name": self.runtime.name}))
        return replace(served, engine=engine, memory=VersionMemory())

    def _best(self, served: Served) -> Engine | None:
        """Return the engine of the fastest precisions in which the version was measured, or that are exact."""
        precisions = self.runtime.precisions()
        with _making:
            for fastest in range(len(precisions)):
                engine = self._engine(served, precisions[fastest:])
                if engine is None or self.unmeasured or _is_close(served, engine):
                    return engine
        return None

    def _engine(self, served: Served, precisions: Sequence[str]) -> Engine | None:
        loaded = Loaded(served.model, served.processor)
        threads = SHARES.take_all()  # … not what the lane left that asked for the version
        folder, gain = self.settings.engines, self.least_gain
        return making.make(loaded, served.encoders, self.runtime, folder, threads, precisions, gain)


def for_page(settings: Settings, runtimes: Runtimes = engines.RUNTIMES) -> EngineChoice | None:
    """Return what serves the page: as the settings say; else the default runtime, where it is installed.

    Raises MmdemoError where one is asked for that is not there.
    """
    if settings.runtime == AUTO:
        runtime = runtimes[engines.DEFAULT]
        return EngineChoice(runtime, settings, waits=False) if engines.installed(runtime) else None
    return (
        None
        if settings.runtime == TORCH
        else EngineChoice(engines.get(settings.runtime, runtimes), settings, waits=False)
    )


def for_command(name: str | None, settings: Settings, runtimes: Runtimes = engines.RUNTIMES) -> EngineChoice | None:
    """Return what a command computes with: what it was told, else as the settings say; PyTorch, where nobody chose.

    Raises UnknownName; MmdemoError where it is not installed.
    """
    name = name or settings.runtime
    return None if name in (AUTO, TORCH) else EngineChoice(engines.get(name, runtimes), settings, waits=True)


def _is_close(served: Served, engine: Engine) -> bool:
    """Whether its answers are PyTorch's, by its precision or by what was measured of this version in it."""
    record = served.about.measured_in(engine.name)
    exact = all(encoder.precision == making.EXACT for encoder in engine.encoders.values())
    return exact or (record is not None and record.serves)
