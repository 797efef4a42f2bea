"""What is counted of a walk: the functions that its processes enter, by module."""

import subprocess
import sys
from pathlib import Path

from benchmarks.walks import listening

MODULE = """
import subprocess, sys, threading
class Part:
    size = [one for one in range(3)]
    def entered(self):
        return sorted([2, 1], key=lambda one: -one)
    def never(self): ...
def twice(): ...
def meanwhile(): ...
if __name__ == "__main__":
    Part().entered()
    twice(), twice()
    thread = threading.Thread(target=meanwhile)
    thread.start(), thread.join()
    subprocess.run([sys.executable, "-c", "from annotations import other; other.elsewhere()"], check=True)
"""
OTHER = "def elsewhere(): ..."


def test_functions_of_ours_are_counted_once_in_all_threads_and_processes(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    files = {"mmdemo/part.py": MODULE, "annotations/other.py": OTHER, "annotations/tour/walk.py": OTHER}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    with listening(root, settle_s=0.2) as listener:
        environment = {"PYTHONPATH": f"{listener.folder}:{root}", "PATH": "/usr/bin:/bin"}
        subprocess.run([sys.executable, root / "mmdemo" / "part.py"], cwd=root, env=environment, check=True)
        assert listener.count() == {"annotations/other.py": 1, "mmdemo/part.py": 3}
        [main] = [pid for pid, command in listener.commands.items() if "part.py" in command]
        assert listener.count(lambda pid: pid != main) == {"annotations/other.py": 1}
        listener.begin()
        tour = "from annotations.tour import walk; walk.elsewhere()"
        subprocess.run([sys.executable, "-c", tour], cwd=root, env=environment, check=True)
        assert listener.count() == {}
