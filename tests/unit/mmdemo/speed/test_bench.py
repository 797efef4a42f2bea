"""bench: ratios of what ran in the same turns, on any task; nothing here asserts a time."""

import json
from pathlib import Path
from typing import Any

import pytest

from mmdemo.__main__ import main
from mmdemo.speed.turns import in_turns, timings
from tests import tiny


def test_a_ratio_is_of_the_same_turn() -> None:
    now, order = [0.0], list[str]()

    def lasting(name: str, share: float) -> Any:
        def run() -> None:
            order.append(name)
            now[0] += share * (1 + len(order) // 2)  # the machine gets slower and slower

        return run

    seconds = in_turns({"bare": lasting("bare", 1.0), "whole": lasting("whole", 1.5)}, 4, lambda: now[0])
    assert order == ["bare", "whole"] * 5 and len(seconds["bare"]) == 4
    [bare, whole] = timings(seconds, {"bare": "bare", "whole": "bare"}, samples=2)
    assert (bare.ratio, bare.low, bare.high) == (1, 1, 1) and whole.of == "bare"
    assert 1.5 < whole.low < whole.ratio < whole.high and whole.ms > 1.5 * bare.ms


@pytest.mark.slow
def test_it_times_a_task_of_anybody(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    task = tiny.task(tmp_path, ("image", "text"))
    version = tiny.version(tmp_path / "v1", task)
    manifest = tmp_path / "m.jsonl"
    manifest.write_text("".join(json.dumps({"id": n, "text": f"dog {n}", "label": "good"}) + "\n" for n in range(9)))
    words = ["--task", tmp_path / "tiny.toml", "--version", version, "--manifest", manifest, "--rounds", 2]
    more = ["--samples", 3, "--cpu", "--only", "one", "--only", "many"]
    assert main(["bench", *map(str, [*words, *more]), "--json"]) == 0
    [result] = (said := json.loads(capsys.readouterr().out))["tasks"]
    assert said["machine"]["threads"] >= 1 and result["task"] == "tiny"
    rows = {row["what"]: row for row in (*result["one"], *result["many"])}
    assert rows["bare forward (B)"]["ratio"] == 1 and rows["evaluate, files, all subsets"]["ms"] > 0
    assert all(0 < row["low"] <= row["ratio"] <= row["high"] for row in rows.values())


def test_samples_are_those_of_one_task(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["bench", "--manifest", str(tmp_path / "m.jsonl")]) == 2
    assert "one --task" in capsys.readouterr().err
