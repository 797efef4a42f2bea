"""What transformers writes on standard error, which goes to a log, kept from there while a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def without_bars() -> Iterator[None]:
    """Show no bar ("Loading weights", "Writing model shards") until the block ends; then it is as before."""
    before = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if before:
            logging.enable_progress_bar()


@contextmanager
def errors_only() -> Iterator[None]:
    """Report errors and no warnings until the block ends; then it is as before."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)
