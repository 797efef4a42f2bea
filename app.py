"""Wires everything and serves the page: settings → loop → page. Run it: python app.py"""

import os
import signal
import sys
import tempfile
import threading

from mmdemo import settings
from mmdemo.errors import MmdemoError
from mmdemo.locale import text
from mmdemo.process import environment, logs, memory
from mmdemo.settings import Settings
from mmdemo.ui.callers import access, upload_folder
from mmdemo.ui.shell import address

SWITCH_S = 0.001  # after which a thread lets others run Python: what reads requests asks for that many times a request


def main() -> int:
    """Serve until told to end, and return the exit code."""
    memory.keep_freed(memory.SERVING)
    sys.setswitchinterval(SWITCH_S)
    logs.set_up()
    logs.install()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    memory.give_back_regularly(stop)
    try:
        chosen = settings.load()
        address.check(chosen)
        access.check_length(chosen)
        # What visitors upload lies here for seconds, and is gone with the process.
        with upload_folder.folder() as uploads:
            tempfile.tempdir = uploads  # and whatever else a package puts down
            os.environ |= _environment(chosen, uploads)
            serve(chosen, stop)
    except MmdemoError as error:
        logs.say(str(error))
        return error.exit_code
    return 0


def serve(chosen: Settings, stop: threading.Event) -> None:
    """Serve until `stop` is set. Raises CannotListen, StorageError, ManifestError."""
    # Only now: a wrong setting, or home folder, is told before what takes its time is imported.
    from annotations.loop import Loop

    loop = Loop(chosen)
    try:
        with environment.without_proxies():  # Gradio asks its own address whether it answers
            from mmdemo.ui import page  # brings Gradio, which reads the environment then

            running = page.launch(page.build(loop, chosen), loop, chosen)
        print(text("cli.serving", url=running.local_url), flush=True)
        loop.tend()
        loop.warm()  # after the page, which answers meanwhile: importing torch would starve the server's start
        stop.wait()
        running.close()
    finally:
        loop.close()


def _environment(chosen: Settings, uploads: str) -> dict[str, str]:
    return {
        # Torch reads it when it is imported: beside a busy program, threads that spin while they wait answer far later.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "GRADIO_TEMP_DIR": uploads,
        # Gradio asks it which backend it has at each call, and the first one would wait for all that can draw.
        "MPLBACKEND": os.environ.get("MPLBACKEND", "agg"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        # A blank port is our default, but no number to Gradio.
        "GRADIO_SERVER_PORT": str(chosen.server_port),
    }


if __name__ == "__main__":
    sys.exit(main())
