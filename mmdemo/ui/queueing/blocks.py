"""The frame of page and API: whatever goes wrong in a call, its caller reads one sentence in a language of theirs."""

import inspect
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import gradio as gr

from mmdemo import locale
from mmdemo.errors import ON_CALL, BadInput, MmdemoError
from mmdemo.guard.callers import Callers
from mmdemo.settings import Settings
from mmdemo.ui.callers import uploads
from mmdemo.ui.queueing import model_threads, turns
from mmdemo.ui.queueing.fair_queue import BEHIND, LANES, OF_MODELS, FairQueue
from mmdemo.ui.queueing.sessions import Sessions
from mmdemo.ui.queueing.turns import Turns
from mmdemo.ui.shell.frame import language_of

log = logging.getLogger(__name__)


class Blocks(gr.Blocks):
    """gr.Blocks whose refusals are sentences: for tab events and API endpoints, queued or not.

    By itself Gradio tells its clients nothing of an error that isn't a gr.Error, and fetches any web address that a
    caller gives in place of a file. And it lets calls wait without end, and one caller take all turns.
    """

    turns: Mapping[str, Turns] = {}
    callers = Callers()

    def line_up(self, settings: Settings) -> None:
        """Keep all calls in fair and bounded lines; what waits in one can't be called past it."""
        self.api_open = False  # as `queue` sets it, which would build all routes once more
        self._queue = FairQueue(self, settings)
        model_threads.hold(self, {line: LANES[line] for line in OF_MODELS}, BEHIND)
        self.turns = {kind: Turns(settings, kind) for kind in turns.LANES}
        self.callers = Callers.of(settings)

    def run_startup_events(self) -> None:
        """Begin to work, and remember nothing of any session."""
        super().run_startup_events()
        self.app.state_holder = Sessions(self)

    async def process_api(self, *positional: Any, **named: Any) -> dict[str, Any]:
        """Run one call as Gradio does. Raises gr.Error with the sentence that its caller shall read, and no other."""
        language = language_of(named.get("request"))
        try:
            if not named.get("explicit_call"):  # which is our own code, calling an event as a function
                for name in uploads.named_in([*positional, named.get("inputs")]):
                    uploads.check(name)
            async with self._turn(named.get("block_fn"), named.get("request")):
                return await super().process_api(*positional, **named)
        except gr.Error:
            raise
        except MmdemoError as error:
            if isinstance(error, ON_CALL):
                log.error("%s", error)
            raise gr.Error(error.public_sentence(language), print_exception=False) from error
        except Exception as error:
            log.exception("A call failed")
            raise gr.Error(locale.text("common.failed", language), print_exception=False) from error

    def _turn(self, block_fn: Any, request: Any) -> AbstractAsyncContextManager[None]:
        if not self.turns or block_fn is None or block_fn.queue:  # what waits in a line has had its turn
            return nullcontext()
        kind = block_fn.concurrency_id if block_fn.concurrency_id in self.turns else turns.QUICK
        return self.turns[kind].take(self.callers.of_request(request))

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *positional: Any, **named: Any) -> Any:
        """Read a call's values; those that have a default may be left out at the end, as gradio_client allows."""
        return await super().preprocess_data(block_fn, _filled(block_fn, inputs), *positional, **named)


def _filled(block_fn: Any, inputs: list[Any]) -> list[Any]:
    """Return the values of a call with defaults for those that it leaves out. Raises BadInput where one has none."""
    if len(inputs) >= len(block_fn.inputs):
        return inputs
    known = inspect.signature(block_fn.fn).parameters.values()
    parameters = [one for one in known if one.annotation is not gr.Request]
    rest = parameters[len(inputs) :]
    missing = [one.name for one in rest if one.default is one.empty]
    if missing:
        names = ", ".join(one.name for one in parameters)
        raise BadInput("argument_missing", missing=", ".join(missing), names=names)
    return [*inputs, *(one.default for one in rest)]
