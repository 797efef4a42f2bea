"""predict --manifest: batches of lines, a run that goes on where it stopped, and parts that join to the same bytes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmdemo.__main__ import main
from mmdemo.commands.many import Shard
from tests import tiny

COUNT = 75


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task, two versions of it, and a manifest in which two lines hold no sample."""
    folder = tmp_path_factory.mktemp("many")
    task = tiny.task(folder, ("text",))
    for seed, name in enumerate(("first", "second")):
        tiny.version(folder / name, task, name, seed)
    lines = [json.dumps({"id": f"s{n}", "text": f"the dog is {'good ' * (n % 9)}{n}"}) for n in range(COUNT)]
    lines[3], lines[40] = '{"id": "c"', json.dumps({"id": "blank", "text": " "})
    (folder / "m.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return folder


def run(capsys: Any, folder: Path, out: Path, *more: str, version: str = "first") -> tuple[int, dict[str, Any], str]:
    words = ["predict", "--task", folder / "tiny.toml", "--version", folder / version, "--manifest", folder / "m.jsonl"]
    code = main([*map(str, words), "--out", str(out), "--json", *more])
    output = capsys.readouterr()
    return code, json.loads(output.out) if output.out else {}, output.err


@pytest.fixture
def whole(capsys: Any, folder: Path, tmp_path: Path) -> Iterator[bytes]:
    """What one run from beginning to end writes."""
    code, counts, _ = run(capsys, folder, tmp_path / "whole.jsonl")
    assert (code, counts["answered"], counts["errors"], counts["earlier"]) == (0, COUNT - 2, 2, 0)
    yield (tmp_path / "whole.jsonl").read_bytes()


@pytest.mark.parametrize("cut", [0, 1, 700, -1, -30])
def test_a_run_that_was_ended_goes_on_to_the_same_bytes(
    capsys: Any, folder: Path, tmp_path: Path, whole: bytes, cut: int
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(whole[: cut % len(whole)])
    code, counts, _ = run(capsys, folder, out)
    assert code == 0 and out.read_bytes() == whole and counts["answered"] == COUNT - 2
    assert counts["earlier"] % 10 == 0 and counts["earlier"] >= out.read_bytes()[: cut % len(whole)].count(b"\n") - 10


def test_what_is_done_is_not_asked_again(capsys: Any, folder: Path, tmp_path: Path, whole: bytes) -> None:
    out = tmp_path / "whole.jsonl"
    before = out.stat().st_mtime_ns
    _, counts, _ = run(capsys, folder, out)
    assert counts == {"answered": COUNT - 2, "errors": 2, "earlier": COUNT, "out": str(out)}
    assert out.read_bytes() == whole and out.stat().st_mtime_ns >= before


@pytest.mark.parametrize("count", [2, 3, 8])
def test_parts_join_to_the_same_bytes(capsys: Any, folder: Path, tmp_path: Path, whole: bytes, count: int) -> None:
    parts = [tmp_path / f"part-{number}" for number in range(1, count + 1)]
    answered = [run(capsys, folder, part, "--shard", f"{n}/{count}")[1] for n, part in enumerate(parts, 1)]
    assert b"".join(part.read_bytes() for part in parts) == whole
    assert sum(each["answered"] for each in answered) == COUNT - 2 and all(part.stat().st_size for part in parts)


def test_answers_to_other_samples_or_of_another_version_stay_as_they_are(
    capsys: Any, folder: Path, tmp_path: Path, whole: bytes
) -> None:
    other = tmp_path / "other.jsonl"
    for content, said in (
        (b'{"id": "s9"}\n' * 20, "other samples: see its line 1"),
        (b"notes of mine\n" * 20, "other samples: see its line 1"),
        (b"a note", "other samples: see its line 1"),
        (whole + b'{"id": "s75"}\n', "other samples: see its line 76"),
    ):
        other.write_bytes(content)
        code, _, sentence = run(capsys, folder, other)
        assert code == 2 and said in sentence and other.read_bytes() == content
    other.write_bytes(whole)
    code, _, sentence = run(capsys, folder, other, version="second")
    assert code == 2 and "answers of version first, and second answers now" in sentence and other.read_bytes() == whole


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "-1/2", "1/0"])
def test_a_shard_that_is_none_is_refused(capsys: Any, folder: Path, tmp_path: Path, shard: str) -> None:
    code, _, sentence = run(capsys, folder, tmp_path / "out.jsonl", f"--shard={shard}")
    assert code == 2 and f'"{shard}" is no part' in sentence and not (tmp_path / "out.jsonl").exists()


def test_shards_are_windows_and_miss_nothing() -> None:
    lines = list(range(1000))
    parts = [Shard(number, 7).of(lines, 64) for number in range(1, 8)]  # type: ignore[arg-type]
    assert [line for part in parts for line in part] == lines
    assert all(len(part) % 64 == 0 for part in parts[:-1])
