"""Keeps transformers' bars ("Loading weights", "Writing model shards") off standard error, which goes to a log."""

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def hidden() -> Iterator[None]:
    """Show no bar until the block ends; then it is as before."""
    before = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if before:
            logging.enable_progress_bar()
