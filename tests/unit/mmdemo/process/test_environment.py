"""What libraries read from the environment."""

import os
import subprocess
import sys

import pytest

from mmdemo.process import environment
from mmdemo.settings import ROOT

LOADING = "import mmdemo.prediction.predictor, getpass; print(getpass.getuser())"
UNKNOWN = 54_321
NAMES = ("USER", "LOGNAME", "LNAME", "USERNAME")


@pytest.mark.skipif(sys.platform != "linux", reason="user namespaces are Linux's")
def test_a_user_without_a_name_can_load_a_model() -> None:
    unshared = ["unshare", "--user", f"--map-user={UNKNOWN}", f"--map-group={UNKNOWN}"]
    if subprocess.run([*unshared, "true"], capture_output=True).returncode:
        pytest.skip("this machine allows no user namespaces")
    nameless = {name: value for name, value in os.environ.items() if name not in NAMES} | {"HOME": "/nonexistent"}
    ended = subprocess.run(
        [*unshared, sys.executable, "-c", LOADING], capture_output=True, text=True, cwd=ROOT, env=nameless, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == f"uid-{UNKNOWN}"


def test_proxies_are_hidden_and_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "all_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "socks5://127.0.0.1:9")
    before = dict(os.environ)
    with environment.without_proxies():
        assert not [name for name in os.environ if name.lower().endswith("_proxy")]
    assert dict(os.environ) == before


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "127.8.9.1", "[::1]", "::1", "LOCALHOST"])
def test_names_of_this_machine(host: str) -> None:
    assert environment.is_loopback(host)


@pytest.mark.parametrize("host", ["", "example.org", "10.0.0.1", "localhost.example.org", "::2", "127.0.0.1.nip.io"])
def test_names_of_other_machines(host: str) -> None:
    assert not environment.is_loopback(host)
