"""Wires everything and serves the page: settings → loop → services → page. Run it: python app.py"""

import logging
import os
import signal
import sys
import tempfile
import threading

from annotations.loop import Loop
from mmdemo import settings
from mmdemo.errors import MmdemoError
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.ui import page
from mmdemo.ui.services import Services


def serve(chosen: Settings, stop: threading.Event) -> None:
    """Serve until `stop` is set. Raises CannotListen, StorageError, ManifestError."""
    page.check_address(chosen)
    loop = Loop(chosen)
    try:
        services = Services(**loop.services())
        running = page.launch(page.build(services, chosen), services, chosen)
        print(text("cli.serving", url=running.local_url), flush=True)
        loop.warm()  # after the page, which answers meanwhile: importing torch would starve the server's start
        stop.wait()
        running.close(verbose=False)
    finally:
        loop.close()


def main() -> int:
    """Return the exit code: 0 when it was told to end."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        # What visitors upload lies here for seconds, and is gone with the process.
        with tempfile.TemporaryDirectory(prefix="mmdemo-uploads-", ignore_cleanup_errors=True) as uploads:
            os.environ |= {"GRADIO_TEMP_DIR": uploads, "GRADIO_ANALYTICS_ENABLED": "False"}
            serve(settings.load(), stop)
    except MmdemoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
