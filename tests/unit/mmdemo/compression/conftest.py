"""A tiny version of all modalities, and samples for it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from mmdemo.tasks import Task
from tests import tiny

CAPTIONS = ("a dog", "the cat is here", "good dogs", "bad", "is the dog good")


@dataclass(frozen=True)
class Original:
    """A version folder, its task and a manifest."""

    task: Task
    folder: Path
    manifest: Path


def write_manifest(folder: Path, count: int = 10, captions: tuple[str, ...] = CAPTIONS) -> Path:
    """Write pictures with captions, and a caption alone at each third place."""
    lines = []
    for number in range(count):
        text = captions[number % len(captions)]
        line = {"id": f"s{number}", "text": text, "label": tiny.LABELS[number % 2], "extra": {"speaker": f"v{number}"}}
        if number % 3:
            Image.fromarray(tiny.inputs(number).image).save(folder / f"{number}.png")
            line["image"] = f"{number}.png"
        lines.append(line)
    path = folder / "calib.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


@pytest.fixture(scope="package")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    root = tmp_path_factory.mktemp("original")
    task = tiny.task(root, ("image", "text"))
    return Original(task, tiny.version(root / "v1", task), write_manifest(root))
