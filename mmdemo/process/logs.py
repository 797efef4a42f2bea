"""What is written to the log: one line an entry, nothing that people sent, and no byte that a terminal would obey.

Of our own entries the sentence is written, of other packages' the words that stand in their code, and of an error what
it is and where it arose: what it says may quote its input. A line from one place in the code is written a few times a
minute. How far long work is, a line says now and then.
"""

import logging
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, TextIO

OURS = ("mmdemo", "annotations", "__main__")
SILENT = ("gradio",)  # packages that print what callers sent
_MOST = 300  # characters of a line of another package
_CAUSES = 5  # errors that led to an error
# C0 and C1 controls, line ends of other scripts, and signs that turn the direction of what follows.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_WARNING = re.compile(r"^(.*?:\d+: \w+):")
_log = logging.getLogger(__name__)
EVERY_S = 5.0  # between two lines
WIDTH = 20  # characters of a bar
LINES = 10  # from one place in the code, a minute
WINDOW_S = 60.0


def escaped(text: str) -> str:
    """Return a text as one line in which nothing acts: control characters as `\\x1b` or `\\u2028`."""
    return _CONTROLS.sub(lambda sign: sign.group().encode("unicode_escape").decode(), text)


def _escaped_lines(text: str) -> str:
    return "\n".join(map(escaped, text.split("\n")))


def say(text: str) -> None:
    """Tell whoever watches, where no line of it acts: standard output belongs to results."""
    print(_escaped_lines(text), file=sys.stderr, flush=True)


def trace(error: BaseException | None) -> str:
    """Return what an error is and where it arose, a line each, without what it says."""
    lines: list[str] = []
    for _ in range(_CAUSES):
        if error is None:
            break
        lines.append(f"  {type(error).__module__}.{type(error).__qualname__}")
        lines += [
            f"    {frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)
        ]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(map(escaped, lines))


class LogFormatter(logging.Formatter):
    """Formats an entry as this module says."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry's line, and below it those of its error."""
        line = f"{self.formatTime(record)} {record.name}: {escaped(_message(record))}"
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        return f"{line}\n{trace(error)}" if error is not None else line


def _message(record: logging.LogRecord) -> str:
    if record.name.startswith(OURS):
        return record.getMessage()
    if record.name == "py.warnings":
        match = _WARNING.match(record.getMessage())
        return match.group(1) if match else "a warning"
    return (str(record.msg).splitlines() or [""])[0][:_MOST]


class Printed:
    """A stream such as standard output, for a process that serves strangers: what is printed to it is escaped.

    Of a package in SILENT it is only said that it printed something.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what may stand in a log."""
        printer = str(sys._getframe(1).f_globals.get("__name__", ""))
        if not printer.startswith(SILENT):
            self._stream.write(_escaped_lines(text))
        elif text.strip():
            self._stream.write(f"{printer}: {len(text)} characters that are not shown\n")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def set_up() -> None:
    """Let this process write its log, and whatever is printed in it, as this module says."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.stdout, sys.stderr = Printed(sys.stdout), Printed(sys.stderr)  # type: ignore[assignment]
    traceback.print_exc = _print_exc  # which Gradio calls for what goes wrong in a call
    threading.excepthook = lambda args: _report(
        "An error ended a thread", args.exc_type, args.exc_value, args.exc_traceback
    )
    sys.unraisablehook = lambda args: _report(
        "An error was passed over", args.exc_type, args.exc_value, args.exc_traceback
    )


def _print_exc(limit: int | None = None, file: Any = None, chain: bool = True) -> None:
    kind, error, where = sys.exc_info()
    _report("An error", kind, error, where)


def _report(
    what: str, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
) -> None:
    if error is not None:
        _log.error("%s", what, exc_info=(type(error), error, where))
    elif kind is not None:
        _log.error("%s: %s", what, kind.__name__)


class ProgressBar:
    """Counts what is done of `total` and tells it, at most every EVERY_S; what is done at once is never told."""

    def __init__(
        self, total: int, what: str, tell: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._what, self._tell, self._clock = total, what, tell, clock
        self._done = 0
        self._start = self._told = clock()

    def advance(self, count: int = 1) -> None:
        """Count so many more."""
        self._done += count
        now = self._clock()
        if self._done and now - self._told >= EVERY_S:
            self._told = now
            self._tell(self._line(now - self._start))

    def _line(self, elapsed_s: float) -> str:
        share = self._done / max(self._total, self._done)
        minutes, seconds = divmod(round(elapsed_s / share * (1 - share)), 60)
        bar = "█" * round(share * WIDTH)
        return f"{bar:░<{WIDTH}} {self._done:,} of {self._total:,} {self._what}, {minutes}:{seconds:02} left"


class Quiet(logging.Filter):
    """Lets the first LINES records of each place and minute through; the next one that passes tells the rest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, int], list[float]] = {}  # place → when its minute began, and lines in it

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this record is written."""
        window = self._windows.setdefault((record.pathname, record.lineno), [self._clock(), 0.0])
        left_out = 0
        if self._clock() - window[0] >= WINDOW_S:
            left_out = max(0, int(window[1]) - LINES)
            window[:] = [self._clock(), 0.0]
        window[1] += 1
        if left_out:
            record.msg = (
                f"{record.msg} (and {left_out} more like it before)"  # its values stay apart: see mmdemo.process.logs
            )
        return window[1] <= LINES


def install() -> None:
    """Keep every handler of this process from repeating itself."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(Quiet())
