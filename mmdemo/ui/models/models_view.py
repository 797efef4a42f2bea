"""Versions through time → what the Models tab shows, in one language. Plain data in, plain data out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from mmdemo import decode, locale
from mmdemo.errors import MmdemoError
from mmdemo.locale import percent, text
from mmdemo.tasks import Task
from mmdemo.ui.models import curve_plot, plot
from mmdemo.ui.models.curve_plot import CurveDrawing
from mmdemo.ui.models.plot import Plot
from mmdemo.ui.review.pins import PinButton
from mmdemo.ui.samples.retrieval import Card
from mmdemo.values.history import FigurePair, ModelHistory, ModelVersion, TurnedAnswer
from mmdemo.values.review import RunVerdict, Status, for_everybody

LISTED = 20  # versions; the served one is listed however old it is
THUMBNAIL_PX = 320  # longest side of a picture that is shown
MOODS: dict[str, str] = {RunVerdict.PROMOTED: "good", RunVerdict.REJECTED: "quiet", RunVerdict.WAITING: "quiet"}
VERDICTS = tuple(MOODS)


@dataclass(frozen=True)
class FigureLine:
    """One figure before and after, with the interval of either, "" for none."""

    name: str
    before: str
    after: str
    before_interval: str
    after_interval: str


@dataclass(frozen=True)
class VersionCard:
    """One version."""

    name: str
    served: bool
    at: str  # UTC, ISO 8601
    about: str
    verdict: str  # "" where no training made it
    mood: str  # good | quiet
    reasons: tuple[str, ...]
    measured: str  # what the figures are of, "" where there are none
    figures: tuple[FigureLine, ...]
    pairs: str  # how many turned, "" where that is not known
    curves: tuple[CurveDrawing, ...]  # before and after; none where they are not known
    judged: int  # answers behind the curves
    turned: int  # answers that can be looked at
    here: tuple[str, ...]  # how good it is at what is sent here, and its promise; of the served version alone
    serve: str  # what the button says, "" where it can't be put into service
    confirm: str


@dataclass(frozen=True)
class Catalogue:
    """All that the tab shows of one task."""

    reviewer: bool
    has_key: bool  # there is a review key that could be typed
    plot: Plot | None
    versions: tuple[VersionCard, ...]  # newest first
    left_out: int  # older versions that are not listed


def view(
    history: ModelHistory, reviewer: bool, has_key: bool, language: str, status: Status | None = None
) -> Catalogue:
    """Return what the tab shows of a task."""
    listed = [one for number, one in enumerate(history.versions) if number < LISTED or one.served]
    served = next((one for one in history.versions if one.served), None)
    return Catalogue(
        reviewer=reviewer,
        has_key=has_key,
        plot=plot.plot(history.versions, language),
        versions=tuple(_card(one, served, status, reviewer, language) for one in listed),
        left_out=len(history.versions) - len(listed),
    )


def cards(answers: Sequence[TurnedAnswer], task: Task, language: str) -> Iterator[Card]:
    """Yield what is shown of each answer that turned."""
    for number, answer in enumerate(answers, 1):
        before, after, value = (task.display(one, language) for one in (answer.before, answer.after, answer.value))
        label = text("models.turned_label", language, before=before, after=after)
        about = text("models.turned_about", language, label=value)
        counted = {"number": number, "count": len(answers), "label": label}
        caption = answer.sample.text
        yield Card(
            label=label,
            about=about,
            text=caption,
            **_media(answer, task),
            aloud=text("alike.aloud", language, text=caption, about=about, **counted),
            play=text("alike.play", language, **counted),
            pin=PinButton(answer.sample_id, answer.is_golden) if answer.sample_id else None,
        )


def _media(answer: TurnedAnswer, task: Task) -> dict[str, str]:
    """Return picture and sound as data URLs, "" for none and where its file is gone."""
    urls = {"image": "", "audio": ""}
    try:
        inputs = decode.decode(answer.sample, task)
    except MmdemoError:
        return urls
    if inputs.image is not None:
        picture: Image.Image = decode.shrunk(inputs.image, THUMBNAIL_PX)
        urls["image"] = decode.picture_url(picture)
    if inputs.audio is not None:
        urls["audio"] = decode.data_url("audio/flac", decode.encode_audio(inputs.audio))
    return urls


def _card(
    version: ModelVersion, served: ModelVersion | None, status: Status | None, reviewer: bool, language: str
) -> VersionCard:
    pairs = version.pairs
    why = version.why if reviewer else for_everybody(version.why)
    return VersionCard(
        name=version.version,
        served=version.served,
        at=version.at,
        about=text("common.comma", language).join(_about(version, language)),
        verdict=_verdict(version, language),
        mood=MOODS.get(version.verdict or "", "quiet"),
        reasons=tuple(reason.sentence(language) for reason in why),
        measured=_measured(version, language),
        figures=tuple(_figures(version, language)),
        pairs=_pairs(version, language),
        curves=curve_plot.drawings(version.curves, language),
        judged=sum(point.count for point in version.curves[0].reliability) if version.curves else 0,
        turned=pairs.turned_right + pairs.turned_wrong if pairs and reviewer else 0,
        here=tuple(_here(version.version, status, language)) if version.served and status else (),
        serve=_serve(version, served, language) if version.can_serve and reviewer else "",
        confirm=text("models.confirm", language, version=version.version, served=served.version if served else "–"),
    )


def _here(version: str, status: Status, language: str) -> Iterator[str]:
    """Yield what random checks say of the version that serves, and how its promise stands; nothing of another one."""
    if status.live is not None and status.live.version == version:
        yield from status.live.lines(language)
    promise = status.promise
    if promise is not None and promise.version == version:
        yield promise.sentence(language)
        yield text(f"models.promise_{'kept' if promise.stands else 'not_kept'}", language)
        yield from promise.lines(language)


def _about(version: ModelVersion, language: str) -> Iterator[str]:
    if version.trained_on is not None:
        yield text("models.learned", language, count=version.trained_on)
    elif version.verdict is None:
        yield text("models.by_hand", language)
    if version.parent:
        yield text("models.from_parent", language, parent=version.parent)
    if version.info is None:
        yield text("models.gone", language)


def _verdict(version: ModelVersion, language: str) -> str:
    if version.verdict is None:
        return ""
    known = version.verdict in VERDICTS
    return text(f"models.verdict_{version.verdict}", language) if known else version.verdict


def _measured(version: ModelVersion, language: str) -> str:
    if version.figures:
        return text("models.on_held_out", language, count=version.held_out, champion=version.compared_with or "–")
    info = version.info
    return info.measured_sentence(language) if info is not None and info.figures else ""


def _figures(version: ModelVersion, language: str) -> Iterator[FigureLine]:
    """Yield the paired figures; of a version that no training judged, those that it came with."""
    for pair in version.figures:
        yield _line(pair, version.intervals if pair.name == plot.SHARE else (), language)
    if not version.figures and version.info is not None:
        for name, value in version.info.figures.items():
            if f"status.figure_{name}" in locale.catalogue(language):
                yield FigureLine(_name(name, language), "", _number(name, value, language), "", "")


def _line(pair: FigurePair, intervals: Sequence[tuple[float, float]], language: str) -> FigureLine:
    before, after = [_interval(one, language) for one in intervals] or ["", ""]
    return FigureLine(
        _name(pair.name, language),
        _number(pair.name, pair.before, language),
        _number(pair.name, pair.after, language),
        before,
        after,
    )


def _name(name: str, language: str) -> str:
    key = f"status.figure_{name}"
    return text(key, language) if key in locale.catalogue(language) else name.replace("_", " ")


def _number(name: str, value: float, language: str) -> str:
    return percent(value, language) if name == plot.SHARE else f"{value:.3f}"


def _interval(ends: tuple[float, float], language: str) -> str:
    low, high = (percent(end, language) for end in ends)
    return text("models.interval", language, low=low, high=high)


def _pairs(version: ModelVersion, language: str) -> str:
    if version.pairs is None:
        return text("models.answers_not_kept", language) if version.figures else ""
    counts = {name: getattr(version.pairs, name) for name in ("both", "turned_right", "turned_wrong", "neither")}
    if version.pairs.count == version.held_out:
        return text("models.pairs", language, **counts)
    return text("models.pairs_left", language, count=version.pairs.count, **counts)


def _serve(version: ModelVersion, served: ModelVersion | None, language: str) -> str:
    is_older = served is None or version.at <= served.at
    return text("models.roll_back" if is_older else "models.serve_again", language)
