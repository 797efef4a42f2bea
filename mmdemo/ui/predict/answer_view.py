"""Prediction → what the answer card shows, in one language."""

from collections.abc import Iterator
from dataclasses import dataclass

from mmdemo import locale
from mmdemo.locale import percent, sure, text
from mmdemo.tasks import AuxiliaryHead, Task
from mmdemo.ui.predict.visits import Visit
from mmdemo.ui.widgets import KINDS, Bar, Control
from mmdemo.values.promise import ASKED_ALWAYS, HERE
from mmdemo.values.samples import SUSPENDED, FlagReason, Prediction

SURE, UNSURE = "sure", "unsure"


@dataclass(frozen=True)
class AnswerCard:
    """All that the answer card shows."""

    title: str
    name: str  # of the answer
    mood: str  # SURE or UNSURE
    badge: str
    bars: tuple[Bar, ...]  # in the task's order; none of what is only a guess: nobody measured their shares
    tick: float  # the threshold on the track, 0 … 100
    tick_said: str
    promised: str  # how surely the badge promises, and of whom, to point at; "" where it promises nothing
    facts: tuple[str, ...]
    notes: tuple[str, ...]  # sentences
    heads: tuple[str, ...]
    kept: bool  # there is something to take back
    control: Control  # by which it is disputed
    others: tuple[tuple[str, str], ...]  # what it may be instead, where that can be listed: as stored, and as displayed
    disputed: str  # what the visitor said it is, as the reader calls it; ""
    forgotten: bool
    question: str  # whether people may see it; "" where there is nothing to ask
    replied: str  # what came of the reply; ""
    expected: "Expected | None" = None  # of an example


@dataclass(frozen=True)
class Expected:
    """What the people who wrote an example say, beside what the model says."""

    mark: str  # right | wrong | doubted
    sentence: str


def view(visit: Visit, task: Task, trained_on: str, language: str) -> AnswerCard:
    """Return what the card shows of an answered visit; `trained_on` is the version's date, "" where it is unknown."""
    prediction = visit.prediction
    assert prediction is not None, "a visit without an answer has no card"
    widget = KINDS[task.kind]
    return AnswerCard(
        title=task.display_title(language),
        name=task.display(prediction.label, language),
        mood=SURE if prediction.sure and not prediction.capped else UNSURE,
        badge=_badge(prediction, visit, language),
        bars=() if prediction.capped else widget.bars(prediction, task, language),
        tick=round(100 * prediction.threshold, 2),
        tick_said=_threshold(prediction, task, language),
        promised=_promised(prediction, language),
        facts=tuple(_facts(prediction, task, trained_on, language)),
        notes=tuple(text(f"note.{key}", language) for key in prediction.notes),
        heads=tuple(_heads(prediction, task, language)),
        kept=visit.held,
        control=widget.control,
        others=tuple((name, task.display(name, language)) for name in task.answers if name != prediction.label),
        disputed=task.display(visit.disputed, language) if visit.disputed else "",
        forgotten=visit.forgotten,
        question=text(f"predict.ask_{_why_asked(prediction, visit)}", language) if visit.asks else "",
        replied="" if visit.reply is None else text(f"predict.replied_{'yes' if visit.reply else 'no'}", language),
        expected=_expected(visit, prediction, task, language),
    )


def _why_asked(prediction: Prediction, visit: Visit) -> str:
    if visit.audit is not None:
        return "audit"
    return "always" if prediction.threshold >= ASKED_ALWAYS and not prediction.capped else "doubtful"


def _expected(visit: Visit, prediction: Prediction, task: Task, language: str) -> Expected | None:
    label = task.examples[visit.example].expected if visit.example is not None else ""
    if not label:
        return None
    right = task.is_right(prediction.label, label)
    doubted = not prediction.sure or (prediction.flagged and prediction.reason != FlagReason.AUDIT)
    mark = "doubted" if doubted else "right" if right else "wrong"
    key = f"doubted_{'right' if right else 'wrong'}" if doubted else mark
    return Expected(mark, text(f"predict.example_{key}", language, label=task.display(label, language)))


def _badge(prediction: Prediction, visit: Visit, language: str) -> str:
    """Say how sure it is, and what therefore becomes of the sample."""
    share = percent(prediction.confidence, language, apart_from=prediction.threshold)
    if not prediction.flagged:
        key = "below_not_kept" if not prediction.sure else _kept_promise(prediction)
        wrong = percent(prediction.promise.error, language) if prediction.promise else ""
        return text(f"predict.badge_{key}", language, percent=share, error=wrong)
    fate = text(f"predict.{'sent' if visit.held else 'not_kept_yet' if visit.asks else 'not_kept'}", language)
    asked = "asked_always" if prediction.threshold >= ASKED_ALWAYS else "low_confidence"
    reason = FlagReason.AUDIT if prediction.reason == FlagReason.AUDIT else asked
    key = "unfamiliar" if prediction.capped else reason
    return text(f"predict.badge_{key}", language, percent=share, fate=fate)


def _kept_promise(prediction: Prediction) -> str:
    if prediction.promise is None:
        return "above"
    return "promised_here" if prediction.promise.population == HERE else "promised"


def _facts(prediction: Prediction, task: Task, trained_on: str, language: str) -> Iterator[str]:
    yield _threshold(prediction, task, language)
    yield text("predict.version", language, version=prediction.model_version)
    if trained_on and trained_on not in prediction.model_version:
        yield text("predict.trained_on", language, date=trained_on)
    yield text("predict.latency", language, ms=f"{prediction.latency_ms:.0f}")
    if len(task.modalities) > 1:
        yield _source(prediction, task, language)


def _threshold(prediction: Prediction, task: Task, language: str) -> str:
    """Say where the threshold stands, and what it is where the task promises something and this keeps nothing."""
    if prediction.threshold >= ASKED_ALWAYS:
        none = "threshold_suspended" if SUSPENDED in prediction.notes else "threshold_none"
        return text(f"predict.{none}", language)
    key = "threshold_typed" if task.promise and not prediction.promise else "threshold"
    return text(f"predict.{key}", language, percent=percent(prediction.threshold, language))


def _promised(prediction: Prediction, language: str) -> str:
    """Say of whom the badge of a sure answer speaks."""
    if prediction.promise is None or prediction.flagged or not prediction.sure:
        return ""
    sure_of = percent(prediction.promise.sure, language)
    return text(f"predict.promised_{prediction.promise.population}", language, sure=sure_of)


def _source(prediction: Prediction, task: Task, language: str) -> str:
    """Say which modalities were used, and that others were missing."""
    what = locale.listed((text(f"common.{modality}", language) for modality in prediction.modalities), language)
    key = "predict.from_alone" if len(prediction.modalities) < len(task.modalities) else "predict.from"
    return text(key, language, what=what)


def _heads(prediction: Prediction, task: Task, language: str) -> Iterator[str]:
    known = {head.name: head for head in task.heads}
    for name, answer in prediction.heads.items():
        most = sure(answer.probabilities.get(answer.label, 0.0), prediction.capped, language)
        head = known.get(name, AuxiliaryHead(name, {}, ()))  # an answer of an earlier day, when the task had others
        yield f"{head.display_title(language)}: {head.display_label(answer.label, language)} ({most})"
