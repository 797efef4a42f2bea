"""The command line keeps its contract: exit codes, one JSON value, one sentence for what is wrong, no traceback."""

import json
import shutil
from pathlib import Path

import pytest

from mmdemo.__main__ import COMMANDS, main
from mmdemo.versions import curves, sidecar


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of one command."""
    try:
        code = main([str(word) for word in words])
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def picture(trained) -> Path:
    return trained.dev.parent / "dev-0.png"


def test_one_sample(capsys, trained, picture: Path) -> None:
    command = ("predict", "--task", trained.task, "--version", trained.folder, "--image", picture)
    code, out, _ = run(capsys, *command, "--explain", "default", "--json")
    answer = json.loads(out)
    assert (code, answer["label"], answer["model_version"], answer["prediction_id"]) == (0, "left", "v1", None)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert (answer["explanation"]["method"], answer["explanation"]["signed"]) == ("relevance", True)
    code, out, _ = run(capsys, *command)
    assert code == 0 and out.startswith("left (") and "v1, image" in out


def test_many_samples_answer_line_by_line_and_errors_stay_in_their_line(capsys, trained, tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    image = trained.dev.parent / "dev-1.png"
    manifest.write_text(f'{{"id": "a", "image": "{image}"}}\n{{"id": "b", "image": "gone.png"}}\n{{"id": "c"\n')
    out_file = tmp_path / "o.jsonl"
    command = ("predict", "--task", trained.task, "--version", trained.folder, "--manifest", manifest)
    code, out, _ = run(capsys, *command, "--out", out_file, "--json")
    answers = [json.loads(line) for line in out_file.read_text("utf-8").splitlines()]
    assert (code, json.loads(out)["errors"]) == (0, 2)
    assert (answers[0]["id"], answers[0]["label"], answers[0]["model_version"]) == ("a", "right", "v1")
    assert answers[1]["id"] == "b" and "gone.png" in answers[1]["error"]
    assert answers[2] == {"id": "line 3", "error": "no JSON"}
    code, _, err = run(capsys, *command)
    assert code == 2 and "--out" in err


def test_train_then_evaluate(capsys, trained, tmp_path: Path) -> None:
    out = tmp_path / "v2"
    words = ("--task", trained.task, "--train", trained.train, "--dev", trained.dev, "--out", out, "--epochs", 1)
    code, printed, _ = run(capsys, "train", *words, "--name", "2026-01-01-base", "--json")
    assert code == 0 and json.loads(printed)["version"] == "2026-01-01-base"
    about = sidecar.read(out)
    assert about.command.endswith(
        "--train DATA/train.jsonl --dev DATA/dev.jsonl --epochs 1.0 --name 2026-01-01-base --seed 0 --out v2"
    )
    assert {"accuracy", "macro_f1", "ece"} <= set(about.figures)
    card = (out / "model_card.md").read_text("utf-8")
    assert about.command in card and "| given" not in card
    measured = curves.read(out)
    assert measured is not None and (measured.count, measured.manifest) == (about.measured, "dev.jsonl")
    assert 1 - measured.curves.risk[-1].y == pytest.approx(about.figures["accuracy"], abs=1e-3)
    words = ("evaluate", "--task", trained.task, "--manifest", trained.dev, "--version", out)
    code, printed, _ = run(capsys, *words, "--json")
    fields = json.loads(printed)
    contract = ("n", "accuracy", "macro_f1", "ece", "ece_floor", "per_class", "by_group", "by_modalities", "intervals")
    assert code == 0 and [name for name in contract if name not in fields] == []
    assert fields["accuracy"] == pytest.approx(about.figures["accuracy"], abs=1e-4)
    assert fields["beside"] is None and fields["retrieval"] == {}  # one modality has no partners


def test_a_version_is_shown_beside_another(capsys, trained, tmp_path: Path) -> None:
    few = trained.dev.parent / "few.jsonl"
    few.write_text("".join(trained.dev.read_text("utf-8").splitlines(keepends=True)[:4]), "utf-8")
    words = ("evaluate", "--task", trained.task, "--manifest", few, "--version", trained.folder)
    code, out, _ = run(capsys, *words, "--against", trained.folder, "--report", tmp_path / "report")
    assert code == 0 and "minus v1, on 4 samples" in out and "aurc      +0.0000" in out
    assert "v1 minus v1" in (tmp_path / "report" / "index.html").read_text("utf-8")
    code, out, err = run(capsys, *words, "--against", "nope")
    assert (code, out) == (2, "") and 'no version "nope"' in err


def test_options_are_read_from_the_command_line(capsys, trained, tmp_path: Path) -> None:
    out = tmp_path / "v2"
    words = ("--task", trained.task, "--train", trained.dev, "--dev", trained.dev, "--out", out, "--epochs", 0.3)
    arguments = [word for option in ("patience=2", "augment=false", "precision=fp32") for word in ("--option", option)]
    code, _, _ = run(capsys, "train", *words, *arguments)
    about = sidecar.read(out)
    assert (code, about.options["patience"], about.options["augment"]) == (0, 2, False)
    assert "--option patience=2 --option augment=false" in about.command
    for option, said in (("patience", "NAME=VALUE"), ("patiens=2", "patiens"), ("tuning=some", "some")):
        code, _, err = run(capsys, "train", *words[:-4], "--out", tmp_path / "v3", "--option", option)
        assert code == 2 and said in err


def test_a_manifest_is_split(capsys, trained, tmp_path: Path) -> None:
    words = ("split", "--manifest", trained.train, "--out", tmp_path / "parts", "--share", 0.5, "--by", "group")
    code, out, _ = run(capsys, *words, "--json")
    fields = json.loads(out)
    assert (code, fields["train.jsonl"], fields["dev.jsonl"]) == (0, 80, 80)
    assert (fields["asked"], fields["share"], fields["groups"], fields["smallest"]) == (0.5, 0.5, 2, 0.5)
    code, _, err = run(capsys, *words)
    assert code == 2 and "not empty" in err


@pytest.mark.parametrize(
    ("share", "speakers", "said"),
    [
        (
            0.1,
            ("b0", "b0", "b0", "b1", "b1"),
            "asked for 10% in dev, got 40%: samples of one speaker stay together, and",
        ),
        (0.1, ("b0", "b0", "b0", "b1", "b1"), " there are 2; the smallest holds 40% of the samples"),
        (0.4, ("b0", "b0", "b0", "b1", "b1"), "asked for 40% in dev, got 40%"),
        (0.3, (), "asked for 30% in dev, got 40%: no sample names its speaker; those of one caption stay together"),
    ],
)
def test_a_split_says_what_share_it_came_to_and_why(
    capsys, tmp_path: Path, share: float, speakers: tuple[str, ...], said: str
) -> None:
    extras = [{"speaker": speakers[n % len(speakers)]} if speakers else {} for n in range(20)]
    lines = [{"id": f"{n}", "text": f"caption {n % 10}", "label": "a", "extra": e} for n, e in enumerate(extras)]
    (tmp_path / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    words = ("split", "--manifest", tmp_path / "all.jsonl", "--out", tmp_path / "parts", "--share", share)
    code, out, _ = run(capsys, *words)
    last = out.splitlines()[-1]
    assert code == 0 and said in last
    assert (":" in last) is (share != 0.4)  # a reason only where there is something to explain


def test_a_search_names_the_best_options(capsys, trained, tmp_path: Path) -> None:
    (tmp_path / "ranges.toml").write_text("epochs = [0.2]\n")
    words = ("--task", trained.task, "--train", trained.train, "--dev", trained.dev, "--trials", 1)
    code, out, err = run(capsys, "search", *words, "--ranges", tmp_path / "ranges.toml", "--json")
    fields = json.loads(out)
    assert (code, fields["best"]["options"], len(fields["trials"])) == (0, {"epochs": 0.2}, 1)
    assert "trial 1" in err


def test_lists(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run(capsys, "tasks", "--json")
    assert code == 0 and {"sentiment", "speech_emotion"} <= {task["name"] for task in json.loads(out)}
    code, out, _ = run(capsys, "versions", "--json")
    assert code == 0 and isinstance(json.loads(out), list)
    monkeypatch.setenv("MMDEMO_REVIEW_KEY", "hush-hush")
    monkeypatch.setenv("MMDEMO_DATABASE_URL", "postgresql+psycopg://me:hu@sh@host/db")
    for words in (("settings",), ("settings", "--json")):
        code, out, _ = run(capsys, *words)
        assert code == 0 and "hush" not in out and "hu@sh" not in out and "MMDEMO_REVIEW_KEY" in out
    assert {"name", "value", "unit", "meaning"} == set(json.loads(out)[0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("predict", "--task", "nope"), 'no task named "nope"'),
        (("predict", "--task", "gone.toml"), "does not exist"),
        (("predict", "--task", "TASK", "--version", "VERSION"), "image"),
        (("predict", "--task", "TASK", "--version", "VERSION", "--image", "gone.png"), "gone.png"),
        (("predict", "--task", "TASK", "--version", "nope", "--image", "IMAGE"), 'no version "nope"'),
        (("predict", "--task", "TASK", "--version", "VERSION", "--image", "IMAGE", "--explain", "why"), "why"),
        (("evaluate", "--task", "TASK", "--version", "VERSION", "--manifest", "gone.jsonl"), "gone.jsonl"),
        (("train", "--task", "TASK", "--train", "gone.jsonl", "--dev", "gone.jsonl", "--out", "new"), "gone.jsonl"),
        (("versions", "--task", "nope"), 'no task named "nope"'),
        (("frobnicate",), "frobnicate"),
        ((), "COMMAND"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(capsys, trained, picture, words: tuple[str, ...], said: str) -> None:
    known = {"TASK": trained.task, "VERSION": trained.folder, "IMAGE": picture}
    code, out, err = run(capsys, *[known.get(word, word) for word in words], *(["--json"] if words else []))
    assert (code, out) == (2, "")
    assert said in err and "Traceback" not in err


@pytest.mark.parametrize("start", ["image", "sound=x", "image="])
def test_a_start_that_is_none_is_refused(capsys, trained, tmp_path: Path, start: str) -> None:
    words = ("--task", trained.task, "--train", trained.train, "--dev", trained.dev, "--out", tmp_path / "v")
    code, _, err = run(capsys, "train", *words, "--start", start)
    assert code == 2 and "MODALITY=FOLDER" in err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(capsys, name: str) -> None:
    code, out, _ = run(capsys, name, "--help")
    assert code == 0 and "--json" in out


def test_a_manifest_is_indexed_listed_and_taken_out_again(capsys, trained, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(tmp_path / "home"))
    manifest = tmp_path / "mine.jsonl"
    pictures = [trained.dev.parent / f"dev-{number}.png" for number in range(2)]
    lines = [f'{{"id": "{n}", "image": "{path}", "label": "left"}}\n' for n, path in enumerate(pictures)]
    manifest.write_text("".join([*lines, '{"id": "b", "image": "gone.png"}\n', '{"id": "c"\n']), "utf-8")
    words = ("index", "--task", trained.task)
    command = (*words, "--manifest", manifest, "--version", trained.folder)
    code, out, err = run(capsys, *command, "--json")
    fields = json.loads(out)
    assert (code, fields["name"], fields["samples"], fields["errors"], fields["model_version"]) == (
        0,
        "mine",
        2,
        2,
        "v1",
    )
    assert fields["faults"][0] == {"id": "line 4", "error": "no JSON"} and "gone.png" in fields["faults"][1]["error"]
    assert "gone.png" in err
    code, out, _ = run(capsys, *words)
    assert code == 0 and out.startswith("mine ") and "2 samples, v1" in out
    (tmp_path / "other").mkdir()
    manifest.rename(tmp_path / "other" / "mine.jsonl")
    code, _, err = run(capsys, *words, "--manifest", tmp_path / "other" / "mine.jsonl", "--version", trained.folder)
    assert code == 2 and "--name" in err
    code, out, _ = run(capsys, *words, "--remove", "mine", "--json")
    assert code == 0 and json.loads(out) == {"removed": "mine", "indexes": 1}
    code, out, _ = run(capsys, *words, "--json")
    assert code == 0 and json.loads(out) == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--remove", "mine"), 'indexed as "mine"; there is: –'),
        (("--manifest", "gone.jsonl"), "gone.jsonl"),
        (("--manifest", "DEV", "--name", "examples"), 'cannot be called "examples"'),
        (("--manifest", "DEV", "--remove", "mine"), "not both"),
        (("--manifest", "DEV", "--version", "nope"), 'no version "nope"'),
        (
            (
                "--manifest",
                "FAULTY",
            ),
            "None of the 1 samples can be indexed",
        ),
    ],
)
def test_what_cannot_be_indexed_is_said(capsys, trained, tmp_path: Path, more: tuple[str, ...], said: str) -> None:
    (tmp_path / "faulty.jsonl").write_text('{"id": "a"}\n')
    known = {"DEV": trained.dev, "FAULTY": tmp_path / "faulty.jsonl"}
    version = () if "--version" in more else ("--version", trained.folder)
    code, out, err = run(capsys, "index", "--task", trained.task, *[known.get(word, word) for word in more], *version)
    assert (code, out) == (2, "") and said in err and "Traceback" not in err


def test_remember_writes_what_was_learned_and_what_trained_nothing(capsys, trained, tmp_path: Path) -> None:
    folder = shutil.copytree(trained.folder, tmp_path / "v1")
    words = ("remember", "--task", trained.task, "--version", folder, "--json")
    code, out, _ = run(capsys, *words, "--manifest", trained.train, "--unseen", trained.dev, "--calibrating", 0.5)
    counts = json.loads(out)
    unseen = len(trained.dev.read_text("utf-8").splitlines())
    assert code == 0 and counts["calibration"] + counts["guard"] == unseen and counts["rehearsed"] > 0
    assert counts["bytes"] == (folder / "memory.safetensors").stat().st_size
    first = json.loads(trained.dev.read_text("utf-8").splitlines()[0])["id"]
    less = run(capsys, *words, "--manifest", trained.train, "--unseen", trained.dev, "--leave-out", first)
    assert json.loads(less[1])["calibration"] + json.loads(less[1])["guard"] == unseen - 1
    code, _, err = run(capsys, *words)
    assert code == 2 and "--captions" in err
