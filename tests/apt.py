"""Programs of the system that tests need, from apt where that is possible: `python -m tests.apt espeak-ng`."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence


def install(packages: Sequence[str]) -> bool:
    """Install packages and return whether that went well; nobody is asked for a password."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]  # -n: fail where it would ask for one
    if not shutil.which("apt-get") or (sudo and not shutil.which("sudo")):
        return False
    steps = (["update"], ["install", "-y", "--no-install-recommends", *packages])
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = [[*sudo, "apt-get", "-q", *step] for step in steps]
    return all(subprocess.run(c, env=environment, stdin=subprocess.DEVNULL).returncode == 0 for c in commands)


if __name__ == "__main__":
    missing = [name for name in sys.argv[1:] if not shutil.which(name)]
    if missing and not install(missing):
        print(f"{', '.join(missing)} cannot be installed here: tests that need it are skipped", file=sys.stderr)
