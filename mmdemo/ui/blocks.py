"""The frame of page and API: whatever goes wrong in a call, its caller reads one sentence in a language of theirs."""

import logging
from typing import Any

import gradio as gr

from mmdemo import locale
from mmdemo.errors import ON_CALL, MmdemoError
from mmdemo.ui import uploads
from mmdemo.ui.frame import language_of

log = logging.getLogger(__name__)


class Blocks(gr.Blocks):
    """gr.Blocks whose refusals are sentences: for tab events and API endpoints, queued or not.

    By itself Gradio tells its clients nothing of an error that isn't a gr.Error, and fetches any web address that a
    caller gives in place of a file.
    """

    async def process_api(self, *positional: Any, **named: Any) -> dict[str, Any]:
        """Run one call as Gradio does. Raises gr.Error with the sentence that its caller shall read, and no other."""
        language = language_of(named.get("request"))
        try:
            if not named.get("explicit_call"):  # which is our own code, calling an event as a function
                _check_files([*positional, named.get("inputs")])
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

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *positional: Any, **named: Any) -> Any:
        """Read a call's values; those that have a default may be left out at the end, as gradio_client allows."""
        return await super().preprocess_data(block_fn, _filled(block_fn, inputs), *positional, **named)


def _filled(block_fn: Any, inputs: list[Any]) -> list[Any]:
    missing = [getattr(block, "value", None) for block in block_fn.inputs[len(inputs) :]]
    return inputs if None in missing else [*inputs, *missing]


def _check_files(inputs: Any) -> None:
    for name in uploads.named_in(inputs):
        uploads.check(name)
