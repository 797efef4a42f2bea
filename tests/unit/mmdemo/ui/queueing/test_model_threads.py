"""A model's calls run in the thread of their line, whoever calls; other calls run where Gradio likes."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable

import gradio as gr

from mmdemo.ui.queueing import blocks

CALLS = 20
language: contextvars.ContextVar[str] = contextvars.ContextVar("language")


def answer(word: str, mark: str) -> tuple[str, str, str]:
    """Say in which thread, and what the caller's context holds."""
    return threading.current_thread().name, language.get(), word + mark


def page(line: str | None) -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as page:
        gr.api(answer, api_name="answer", concurrency_id=line)
    blocks.hold_threads(page, {"predict": 1}, {"predict": 1})
    return page


async def called(function: Callable[..., object], number: int) -> object:
    language.set(str(number))
    return await function("word", mark="?")  # type: ignore[misc]


async def all_at_once(line: str) -> list[object]:
    (block,) = page(line).fns.values()
    assert block.fn is not None and inspect.signature(block.fn) == inspect.signature(answer)
    return list(await asyncio.gather(*(called(block.fn, number) for number in range(CALLS))))


def test_all_calls_of_a_line_run_in_one_thread_each_with_its_own_context() -> None:
    answers = asyncio.run(all_at_once("predict"))
    assert answers == [("line-predict_0", str(number), "word?") for number in range(CALLS)]


def test_other_calls_are_left_alone() -> None:
    async def function() -> object:
        (block,) = page("notes").fns.values()
        return block.fn

    assert asyncio.run(function()) is answer
