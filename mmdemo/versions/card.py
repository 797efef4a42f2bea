"""The model card of a version: rendered from its sidecar, its task and its figures, never written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmdemo import whole_file
from mmdemo.tasks import Task
from mmdemo.values.promise import PromiseOutcome, SubsetPromise
from mmdemo.values.results import Compared, EvaluationResult, KindFigures, Recall, SliceMetrics, title
from mmdemo.values.review import MeasuredOn
from mmdemo.versions import sidecar
from mmdemo.versions.sidecar import Sidecar
from mmdemo.versions.temperature_scaling import TemperatureScaling

FILE = "model_card.md"
_PARTS = {"image": "picture", "text": "caption", "audio": "sound"}
_SETS: dict[str, str] = {MeasuredOn.DEV: "dev", MeasuredOn.HELD_OUT: "corrections that were set aside"}
_OWN_DATA = """A manifest is JSON lines with `id`, the inputs (`image`, `audio`: paths beside the manifest; `text`),
`label` and, where known, `group` and `extra.speaker`. A task is a TOML file like `mmdemo/tasks/{task}.toml`.

    python -m mmdemo train --task my_task.toml --train train.jsonl --dev dev.jsonl --out my_version
    python -m mmdemo evaluate --task my_task.toml --manifest dev.jsonl --version my_version
"""


BEHAVIOUR = """## Behaviour

Tests made of templates, words and voices that no training saw, captions beside pictures of dev: how often the answer is
the one that it must be, and how often another one is given without asking a person.
"""
_BEHAVIOUR_COLUMNS = ("capability", "tests", "hold", "95 % interval", "wrong and sure")


def write(folder: Path, task: Task, figures: EvaluationResult | None = None, measured: Path | None = None) -> None:
    """Write `folder/model_card.md` with its figures on dev, else those of the sidecar.

    Of the same version the card keeps what it says of behaviour, where the figures say nothing of that. `measured`: a
    version with the same answers, whose figures and behaviour stand in its card. Raises CheckpointError, StorageError.
    """
    about = sidecar.read(folder)
    behaviour = _section(measured or folder, task, BEHAVIOUR)
    known = _section(measured, task, _title_of_figures(about)) if measured else ""
    whole_file.write(folder / FILE, render(task, about, figures, behaviour, known))


def render(
    task: Task, about: Sidecar, figures: EvaluationResult | None = None, behaviour: str = "", known: str = ""
) -> str:
    """Return the card as Markdown; `behaviour`, `known` figures: what an earlier card says, section for section."""
    title = _title_of_figures(about)
    parts = [
        _head(task, about),
        _notes(task),
        "## Training\n\n" + _training(about),
        title + _figures(figures) if figures else known or title + _summary(about),
        f"{BEHAVIOUR}\n{_table(_BEHAVIOUR_COLUMNS, _behaviour(figures))}"
        if figures and figures.behaviour
        else behaviour,
        "## Train one on data of your own\n\n" + _OWN_DATA.format(task=task.name),
    ]
    return "\n".join(part for part in parts if part)


def _section(folder: Path, task: Task, begins: str) -> str:
    """Return a section of the card of the version that lies there, "" where that is another version's, or has none."""
    try:
        card = (folder / FILE).read_text("utf-8")
    except OSError:
        return ""
    _, there, rest = card.partition(begins)
    own = card.startswith(_title(task, sidecar.read(folder)))
    return there + rest.partition("\n## ")[0] if there and own else ""


def _title_of_figures(about: Sidecar) -> str:
    return f"## Figures on {_SETS[about.measured_on]}\n\n"


def _title(task: Task, about: Sidecar) -> str:
    return f"# {task.display_title()}: {about.version}\n"


def _head(task: Task, about: Sidecar) -> str:
    facts = {
        "version": about.version,
        "answers": (", ".join(about.labels) or about.kind) + ", or none of these" * about.none_of_these,
        **{f"answers too, as {name}": ", ".join(labels) for name, labels in about.heads.items()},
        "takes": ", ".join(about.modalities) + " (any subset)" * (len(about.modalities) > 1),
        "languages": ", ".join(task.languages) or "not named",
        "parameters": f"{about.dims.get('parameters', 0):,}",
        "asks a person": _asks(task, about),
        **_promise(task, about),
        **_origin(about),
        "made": about.created_at,
        "code": about.code_revision or "unknown",
    }
    lines = [f"- {name}: {value}" for name, value in facts.items()]
    return _title(task, about) + "\n" + "\n".join(lines) + "\n"


def _origin(about: Sidecar) -> dict[str, str]:
    record = about.compression
    if record is None:
        return {"trained further from": about.parent or "nothing of this project"}
    return {
        "made smaller from": f"{about.parent}, by {record.method}",
        "bytes": f"{record.bytes.after:,}, of {record.bytes.before:,}",
        "answers as that does": f"{record.agreement:.1%} of {record.samples} samples of {record.manifest}",
    }


def _promise(task: Task, about: Sidecar) -> dict[str, str]:
    if task.promise is None:
        return {}
    error, sure = 100 * task.promise.error, 100 * task.promise.sure
    promise = f"at most {error:.3g} % wrong of what is not asked about, with {sure:.3g} % confidence"
    if any(_kept_promises(task, about).values()):
        return {"promises": promise}
    return {"aims to promise": f"{promise}; not shown yet, so nothing is promised"}


def _kept_promises(task: Task, about: Sidecar) -> dict[str, SubsetPromise | None]:
    return {name: about.keeping(task, tuple(name.split("+"))) for name in sidecar.subsets(task.modalities)}


def _asks(task: Task, about: Sidecar) -> str:
    """Say under which confidence people are asked, by what is given where thresholds keep a promise."""
    kept = _kept_promises(task, about)
    if not any(kept.values()):
        return f"below a confidence of {task.threshold:g}"
    return "; ".join(
        f"given {name}: {_kept(one) if one else f'below {task.threshold:g}, which promises nothing'}"
        for name, one in kept.items()
    )


def _kept(one: SubsetPromise) -> str:
    if one.outcome == PromiseOutcome.NONE:
        return "always, since no threshold keeps the promise"
    return f"below {one.threshold:g} ({one.wrong} of {one.accepted} samples above it were answered wrongly)"


def _notes(task: Task) -> str:
    """Return what people wrote beside the task file: data, terms, limits, intended use."""
    beside = task.path.with_suffix(".md") if task.path else None
    return beside.read_text("utf-8").rstrip() + "\n" if beside and beside.is_file() else ""


def _training(about: Sidecar) -> str:
    command = f"    {about.command}\n\n" if about.command else ""
    chosen = ", ".join(f"{name} {_plain(value)}" for name, value in about.options.items())
    fitted = ", ".join(_scaling(subset, scaling) for subset, scaling in about.scalings.items())
    return (
        f"{command}{about.samples:,} samples, seed {about.seed}; snapshot {about.data[:16]}.\n"
        f"Options: {chosen}.\n"
        f"Temperatures, fitted on samples that were not trained on: {fitted or 'none'}.\n"
        f"{_doubt(about)}"
    )


def _doubt(about: Sidecar) -> str:
    """Return from where on a sample is unlike what was learned from, and how much of dev is."""
    limits = [f"{_PARTS[name]} {limit:g}" for name, limit in about.familiarity.items()]
    off = [
        f"none for the {_PARTS[name]}, since {number} samples are too few to tell"
        for name, number in about.too_few.items()
    ]
    share = about.figures.get("unfamiliar")
    beyond = "" if share is None else f" Beyond them, and so only guessed: {share:.1%} of {_SETS[about.measured_on]}."
    return f"Limits of what is usual, as distances: {', '.join([*limits, *off]) or 'none'}.{beyond}\n"


def _scaling(subset: str, scaling: TemperatureScaling) -> str:
    power = f" (at logits as long as 1, which count to the power {scaling.power + 1:g})" if scaling.power else ""
    return f"{subset} {scaling.temperature:g}{power}"


def _plain(value: Any) -> str:
    return "none" if value in ([], ()) else str(value)


def _summary(about: Sidecar) -> str:
    table = _table(("figure", "value"), [(name, _number(value)) for name, value in about.figures.items()])
    return f"{about.measured} samples.\n\n{table}" if about.measured else table


def _figures(figures: EvaluationResult) -> str:
    columns = ("accuracy", figures.short, "ece", "ece_floor", "aurc")
    slices = [
        (name, str(part.n), *(_number(part.figure(column)) for column in columns))
        for name, part in _slices(figures).items()
    ]
    before = f", before calibration {figures.raw.ece:.3f}" if figures.raw else ""
    return "\n".join(
        [
            f"{figures.n} samples. Accuracy {_with_interval(figures, 'accuracy', ' (95 % interval {} to {})')}, "
            f"{title(figures.short)} {_with_interval(figures, figures.short)}, AURC {_with_interval(figures, 'aurc')}.",
            f"Calibration error {figures.ece:.3f}{before}; a perfectly honest model "
            f"would show {figures.ece_floor:.3f} here.",
            f"{figures.flagged_share:.1%} of the answers ask for a person; of the others "
            f"{figures.error_unflagged:.1%} are wrong.",
            *[_trust(subset, compared) for subset, compared in figures.fusion.items()],
            *[_recall(way, recall) for way, recall in figures.retrieval.items()],
            "",
            _table(("samples", "n", *columns), slices),
            *([_details(figures.details)] if figures.details else []),
        ]
    )


def _trust(subset: str, compared: Compared) -> str:
    """Return how the fused answer's trustworthiness differs from its best single modality's."""
    difference = compared.differences["aurc"]
    low, high = difference.interval
    return (
        f"AURC of {subset} minus that of {compared.against}, its best single modality: {difference.value:+.4f} (95 % "
        f"interval {low:+.4f} to {high:+.4f}, {compared.n} samples); below 0 fusion can be trusted more."
    )


def _recall(way: str, recall: Recall) -> str:
    """Return how often the features of one modality find the partner in another."""
    one, other = (f"the {_PARTS[name]}" for name in way.split("_to_"))
    low, high = recall.interval
    return (
        f"Recall@10 from {one} to {other} of the same sample: {recall.recall_at_10:.3f} (95 % interval {low:.3f} to "
        f"{high:.3f}) among {recall.n} samples; by chance it would be {recall.chance:.3f}."
    )


def _behaviour(figures: EvaluationResult) -> list[tuple[str, ...]]:
    return [
        (
            name.replace("_", " ") + " (reported only)" * rate.reported_only,
            str(rate.n),
            f"{rate.rate:.3f}",
            " to ".join(f"{end:.3f}" for end in rate.interval),
            f"{rate.wrong_and_sure:.3f}",
        )
        for name, rate in figures.behaviour.items()
    ]


def _with_interval(figures: EvaluationResult, name: str, interval: str = " ({} to {})") -> str:
    return f"{figures.figure(name):.3f}" + interval.format(*(f"{end:.3f}" for end in figures.intervals[name]))


def _slices(figures: EvaluationResult) -> dict[str, SliceMetrics]:
    slices: dict[str, SliceMetrics] = {"all": figures}
    slices |= {f"source {name}": part for name, part in figures.by_group.items()}
    slices |= {f"{field} {name}": part for field, parts in figures.by_extra.items() for name, part in parts.items()}
    if len(figures.by_modalities) > 1:
        for subset, part in figures.by_modalities.items():
            slices[f"given {subset}"] = part
            slices |= {f"given {subset}, source {name}": inner for name, inner in part.by_group.items()}
    return slices


def _details(details: KindFigures) -> str:
    head, *rows = details.table
    return _table(head, [tuple(cell if isinstance(cell, str) else _number(cell) for cell in row) for row in rows])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
