"""`python -m tests.number_app`: the app, which knows one kind of answer more, a number."""

import sys

import app
from tests import number_kind

if __name__ == "__main__":
    with number_kind.registered():
        sys.exit(app.main())
