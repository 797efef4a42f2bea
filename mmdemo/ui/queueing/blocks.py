"""The frame of page and API: whatever goes wrong in a call, its caller reads one sentence in a language of theirs.

A model answers in the threads of its line, the same for as long as the page is served: a thread in which it once
answered keeps threads and buffers of its own for the next time, and Gradio runs a call in any of forty.

Of a session nothing is remembered. By itself Gradio notes, for ten thousand of them, the last value that went into and
came out of every call: what a visitor sent would stay there after it was deleted, and a call of a hundred bytes whose
answer nobody fetches would leave a megabyte. The page's own memory is `Visits`; here all sessions share one state that
takes nothing in.
"""

import asyncio
import contextvars
import functools
import inspect
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

from mmdemo import locale
from mmdemo.errors import ON_CALL, BadInput, MmdemoError
from mmdemo.guard.callers import Callers
from mmdemo.process import environment
from mmdemo.settings import Settings
from mmdemo.ui.callers import uploads
from mmdemo.ui.queueing import turns
from mmdemo.ui.queueing.fair_queue import BEHIND, LANES, OF_MODELS, FairQueue
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
        hold_threads(self, {line: LANES[line] for line in OF_MODELS}, BEHIND)
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


def hold_threads(page: gr.Blocks, threads: Mapping[str, int], behind: Mapping[str, int]) -> None:
    """Run the calls of these lines (name → number of threads) in threads of their own, some so many steps `behind`."""
    pools = {
        line: ThreadPoolExecutor(number, f"line-{line}", environment.step_back, (behind.get(line, 0),))
        for line, number in threads.items()
    }
    for block in page.fns.values():
        if block.fn is not None and block.concurrency_id in pools:
            block.fn = _in_pool(pools[block.concurrency_id], block.fn)


def _in_pool(pool: ThreadPoolExecutor, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **named: Any) -> Any:
        bound = functools.partial(contextvars.copy_context().run, function, *args, **named)
        return await asyncio.get_running_loop().run_in_executor(pool, bound)

    return call


class NoMemory(SessionState):
    """The page as it was built, whatever is called."""

    def __setitem__(self, key: int, value: Any) -> None:
        """Remember nothing."""

    def _update_config(self, key: int) -> None:
        """Remember nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Remember nothing."""


class Sessions(StateHolder):
    """The same state for every session; it is made once, which takes Gradio milliseconds."""

    def __init__(self, blocks: gr.Blocks) -> None:
        super().__init__()
        self.set_blocks(blocks)
        self._state = NoMemory(blocks)

    def __getitem__(self, session_id: str) -> SessionState:
        return self._state

    def __contains__(self, session_id: str) -> bool:
        return False
