"""The threads in which a model answers: those of its line, the same for as long as the page is served.

A thread in which a model once answered keeps threads and buffers of its own for the next time. Gradio runs a call in
any of forty, of which each would keep them.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr

from mmdemo.process import cores


def hold(page: gr.Blocks, threads: Mapping[str, int], behind: Mapping[str, int]) -> None:
    """Run the calls of these lines (name → number of threads) in threads of their own, some so many steps `behind`."""
    pools = {
        line: ThreadPoolExecutor(number, f"line-{line}", cores.step_back, (behind.get(line, 0),))
        for line, number in threads.items()
    }
    for block in page.fns.values():
        if block.fn is not None and block.concurrency_id in pools:
            block.fn = _in(pools[block.concurrency_id], block.fn)


def _in(pool: ThreadPoolExecutor, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    async def call(*args: Any, **named: Any) -> Any:
        bound = functools.partial(contextvars.copy_context().run, function, *args, **named)
        return await asyncio.get_running_loop().run_in_executor(pool, bound)

    return call
