"""The log holds nothing that people sent, and no byte that a terminal would obey."""

import io
import logging
import sys
import warnings

import pytest

from mmdemo.process import logs

SECRET = "zanzibar-quokka"
FORGED = f"{SECRET}\n2026-11-30 03:00:00 mmdemo: all is well\x1b[2J\r\x07\u202e\u2028\x9b1m"


def line(record: logging.LogRecord) -> str:
    return logs.LogFormatter().format(record)


def record(name: str, message: str, *values: object, error: BaseException | None = None) -> logging.LogRecord:
    about = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(name, logging.ERROR, "file.py", 1, message, values, about)


def test_every_entry_is_one_line_in_which_nothing_acts() -> None:
    entry = line(record("mmdemo.ui", "%s", FORGED))
    assert "\n" not in entry and not [sign for sign in entry if not sign.isprintable()]
    assert r"\n2026-11-30" in entry and r"\x1b[2J\r\x07\u202e\u2028\x9b1m" in entry


def test_of_other_packages_the_words_of_their_code_are_written_and_no_value() -> None:
    assert line(record("uvicorn.error", "Refused %s", SECRET)).endswith("uvicorn.error: Refused %s")
    assert SECRET not in line(record("asyncio", f"Task exception was never retrieved\nfuture: <{SECRET}>"))
    assert len(line(record("httpx", "x" * 9_000))) < 500


def failing() -> ValueError:
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise ValueError(FORGED) from error
    except ValueError as error:
        return error


def test_of_an_error_it_says_what_it_is_and_where_it_arose_and_nothing_that_it_quotes() -> None:
    entry = line(record("mmdemo.ui", "A call failed", error=failing()))
    assert SECRET not in entry
    assert "builtins.ValueError" in entry and "builtins.KeyError" in entry and "test_logs.py" in entry
    assert all(text.startswith("  ") for text in entry.splitlines()[1:])


def test_of_a_warning_it_says_where_it_came_from() -> None:
    text = warnings.formatwarning(SECRET, UserWarning, "/lib/package.py", 7)
    assert line(record("py.warnings", "%s", text)).endswith("py.warnings: /lib/package.py:7: UserWarning")


def printed(text: str, name: str) -> str:
    stream = io.StringIO()
    scope = {"__name__": name, "print": print, "stream": logs.Printed(stream), "text": text}
    exec("print(text, file=stream, flush=True)", scope)
    return stream.getvalue()


def test_what_is_printed_is_escaped_and_what_gradio_prints_is_not_shown() -> None:
    assert printed("Serving on \x1b[31m", "app") == "Serving on \\x1b[31m\n"
    assert printed(FORGED, "gradio.queueing") == f"gradio.queueing: {len(FORGED)} characters that are not shown\n"


@pytest.mark.slow
def test_a_process_that_is_set_up_writes_nothing_that_was_sent(command) -> None:
    program = (
        "import logging, sys, threading, traceback\n"
        "from mmdemo.process import logs\n"
        "logs.set_up()\n"
        "def fail():\n"
        "    raise ValueError('zanzibar-quokka\\n\\x1b[2J')\n"
        "try:\n"
        "    fail()\n"
        "except ValueError:\n"
        "    traceback.print_exc()\n"
        "    logging.getLogger('uvicorn.error').exception('In the server')\n"
        "thread = threading.Thread(target=fail)\n"
        "thread.start()\n"
        "thread.join()\n"
        "print('printed \\x1b[31m')\n"
    )
    done = command("-c", program)
    assert done.returncode == 0
    assert done.stdout == "printed \\x1b[31m\n"
    assert SECRET not in done.stderr and "\x1b" not in done.stderr
    assert done.stderr.count("builtins.ValueError") == 3
    assert sys.stdout is not None


def test_what_is_said_keeps_its_lines_and_nothing_in_them_acts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.say("two\nlines\x1b[2J\u202e")
    assert capsys.readouterr() == ("", "two\nlines\\x1b[2J\\u202e\n")
