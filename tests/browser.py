"""The browser of tests and screenshots: the system's Chromium, or Playwright's own where there is none.

`python -m tests.browser install` puts one there: from apt where that is possible, else by Playwright.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests import apt

SHELL = "chromium-headless-shell"  # the same engine without windows, which takes little more than half the time
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome")
FONTS = ("fonts-liberation", "fonts-wqy-microhei")  # a server has none, and Chinese would be boxes in the screenshots
# No sandbox: containers and build servers run as root. The others keep it from calling home.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",  # grants camera and microphone without a question
    "--use-fake-device-for-media-stream",  # a test picture and a beep instead of hardware
)


def find() -> str | None:
    """Return the path of the system's Chromium, None where there is none that runs."""
    return next((shutil.which(name) for name in NAMES if _runs(name)), None)


@contextmanager
def launch() -> Iterator[Browser]:
    """Run a headless browser until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), headless=True, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


def install() -> None:
    """Make sure that `launch` finds a browser. Raises CalledProcessError where Playwright can't fetch one either."""
    if not _runs(SHELL):
        apt.install((SHELL, *FONTS))
    if find():
        return
    with_deps = ["--with-deps"] if os.geteuid() == 0 and shutil.which("apt-get") else []
    subprocess.run([sys.executable, "-m", "playwright", "install", *with_deps, "chromium"], check=True)


def _runs(name: str) -> bool:
    # Ubuntu's chromium is a stub that asks for snap; only a run tells.
    quiet = {"capture_output": True, "stdin": subprocess.DEVNULL}
    return shutil.which(name) is not None and subprocess.run([name, "--version"], **quiet).returncode == 0


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m tests.browser install")
    install()
