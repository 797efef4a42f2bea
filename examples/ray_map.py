"""A manifest answered by several processes or machines: `predict --manifest`, unchanged, as a map of Ray Data.

.venv/bin/python -m pip install "ray[data]==2.60.0"
.venv/bin/python examples/ray_map.py sentiment manifest.jsonl answers.jsonl 8

A machine needs this project and sees the manifest's files. A part that was begun goes on where it stopped.
"""

import shutil
import sys
from pathlib import Path

import ray

from mmdemo.__main__ import main


def answer(part: dict[str, str]) -> dict[str, str]:
    """Answer one part of the manifest into a file of its own, unless that is done."""
    words = (f"--{name}={value}" for name, value in part.items())
    if main(["predict", *words, "--json"]) != 0:
        raise RuntimeError(f"part {part['shard']} was refused: see the worker's log")
    return part


if __name__ == "__main__":
    task, manifest, out, parts = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3]).resolve(), int(sys.argv[4])
    shards = [
        {"task": task, "manifest": str(manifest), "out": f"{out}.{k}", "shard": f"{k}/{parts}"}
        for k in range(1, parts + 1)
    ]
    ray.data.from_items(shards, override_num_blocks=parts).map(answer).materialize()
    with out.open("wb") as whole:
        for shard in shards:
            with Path(shard["out"]).open("rb") as part:
                shutil.copyfileobj(part, whole)
