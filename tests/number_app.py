"""`python -m tests.number_app`: the app, which knows one kind of answer more, a number."""

import runpy

from mmdemo.settings import ROOT
from tests import number_kind

if __name__ == "__main__":
    with number_kind.registered():
        runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
