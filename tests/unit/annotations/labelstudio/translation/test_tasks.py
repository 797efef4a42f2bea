"""The translation between the loop and Label Studio's formats, without a server."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from annotations.labelstudio.connection.remote import Annotation
from annotations.labelstudio.translation import tasks
from annotations.labelstudio.translation.tasks import StandingAnswer, TaskPayload
from mmdemo import tasks as known
from mmdemo.tasks import Label, Task
from tests.unit.annotations.labelstudio.conftest import MARK

SENTIMENT = known.get("sentiment")
SPEECH = known.get("speech_emotion")
SAMPLE = "0123456789abcdef" * 4
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def labelled(*names: str, task: Task = SENTIMENT) -> Task:
    return replace(task, labels=tuple(Label(name, {"en": name, "zh": name}) for name in names))


def choices(task: Task) -> list[dict[str, str]]:
    [labels] = [each for each in ET.fromstring(tasks.label_config(task)).iter("Choices") if each.get("name") == "label"]
    return [dict(choice.attrib) for choice in labels]


def said(task: Task, label: str, minute: int, **more) -> Annotation:
    results = (tasks.result(task, label),) if label else ()
    fields = {"id": minute, "annotator": 1, "cancelled": not label, **more}
    return Annotation(result=results, updated_at=NOON + timedelta(minutes=minute), **fields)


def test_stored_names_are_aliases_and_people_read_display_names() -> None:
    task = replace(SENTIMENT, labels=(Label("pos", {"en": "positive", "zh": "积极"}), *SENTIMENT.labels[:1]))
    assert choices(task)[0] == {"value": "positive", "alias": "pos", "hotkey": "1", "hint": "积极"}


@pytest.mark.parametrize(
    "modalities", [("image", "text"), ("audio",), ("image",), ("text",), ("image", "text", "audio")]
)
def test_each_modality_is_shown_by_its_tag_and_the_labels_hang_on_the_first(modalities: tuple[str, ...]) -> None:
    root = ET.fromstring(tasks.label_config(replace(SENTIMENT, modalities=modalities)))
    shown = {element.get("value"): element.tag for element in root.iter() if (element.get("value") or "")[:1] == "$"}
    assert shown == {f"${name}": name.capitalize() for name in modalities} | {"$looked": "HyperText"}
    assert {element.get("toName") for element in root.iter("Choices")} == {modalities[0]}


def test_a_label_that_looks_like_a_name_of_data_is_text() -> None:
    label = Label("paid", {"en": "US$text", "zh": "$text"})
    config = tasks.label_config(replace(SENTIMENT, labels=(label, *SENTIMENT.labels[:1])))
    assert "$text" not in {each.get("value") for each in ET.fromstring(config).iter("Choice")}
    shown = choices(replace(SENTIMENT, labels=(label, *SENTIMENT.labels[:1])))[0]
    assert not re.search(r"\$[\w[\].{}]", shown["value"])  # what its page replaces by data
    assert (shown["value"].replace("\u2060", ""), shown["alias"]) == ("US$text", "paid")


def test_keys_go_by_order_up_to_ten() -> None:
    names = [f"label {letter}" for letter in "abcdefghijkl"]
    assert [choice.get("hotkey") for choice in choices(labelled(*names))] == [*"1234567890", None, None]


def test_labels_that_are_digits_are_their_own_keys() -> None:
    task = labelled(*"0123456789", "unclear")
    assert [choice.get("hotkey") for choice in choices(task)] == [*"0123456789", None]


def test_markup_in_names_stays_text() -> None:
    name = '</Choices> & "it\'s" <b>'
    options = choices(labelled(name, "other"))
    assert (options[0]["alias"], options[0]["value"]) == (name, name)


def test_labels_that_look_the_same_are_shown_by_their_stored_names() -> None:
    same = {"en": "fine", "zh": "好"}
    task = replace(SENTIMENT, labels=(Label("fine_1", same), Label("fine_2", same)))
    assert [choice["value"] for choice in choices(task)] == ["fine_1", "fine_2"]


def test_a_config_fits_its_task_with_what_people_added_but_not_another() -> None:
    config = tasks.label_config(SENTIMENT)
    assert tasks.fits(config, SENTIMENT)
    assert tasks.fits(config.replace("<Header", '<TextArea name="why" toName="image" /><Header'), SENTIMENT)
    assert not tasks.fits(config, SPEECH)
    assert not tasks.fits(config, labelled("negative", "positive"))
    assert not tasks.fits(config, replace(SENTIMENT, modalities=("image", "audio")))
    assert not tasks.fits("", SENTIMENT)
    assert not tasks.fits("<View><Choices", SENTIMENT)


def test_a_config_from_before_map_and_mark_gets_them_beside_what_people_added() -> None:
    whole = tasks.label_config(SENTIMENT)
    early = re.sub(r'<Choices name="reason".*?</Choices>|<Header [^>]*size[^>]*><HyperText[^>]*>', "", whole)
    assert "reason" not in early and "looked" not in early
    added = early.replace("<Header", '<!-- ours --><TextArea name="why" toName="image" /><Header')
    config = tasks.brought_up(added, SENTIMENT)
    assert config.startswith(added.removesuffix("</View>"))
    assert [each.get("name") for each in ET.fromstring(config)][-2:] == ["looked", "reason"]
    assert tasks.brought_up(config, SENTIMENT) == config and tasks.brought_up(whole, SENTIMENT) == whole
    assert tasks.brought_up(added, SPEECH) == tasks.label_config(SPEECH)


def test_the_mark_is_read_beside_the_label() -> None:
    label, mark = tasks.result(SENTIMENT, "neutral"), MARK
    annotation = Annotation(1, (mark, label), 1, NOON, False)
    assert tasks.standing_answers([annotation], SENTIMENT) == [StandingAnswer(annotation, "neutral", wrong_reason=True)]
    assert not tasks.says_wrong_reason([label, {**mark, "from_name": "other"}, {**mark, "value": {}}])


def test_a_title_is_never_longer_than_the_server_takes() -> None:
    assert tasks.title(SENTIMENT) == "mmdemo: sentiment"
    assert len(tasks.title(replace(SENTIMENT, name="x" * 90))) == 50


def test_a_task_carries_the_sample_and_the_guess_and_nothing_else() -> None:
    sample = TaskPayload(SAMPLE, "a <b>caption</b>", {"image": "12/34.webp"}, "neutral", 0.41, "v7", rank=0.3)
    assert tasks.payload(SENTIMENT, sample, {"image": "/data/upload/1/x.webp"}) == {
        "data": {
            "image": "/data/upload/1/x.webp",
            "text": "a <b>caption</b>",
            "looked": "<p>The model says neutral, 41 % sure (v7).</p>",
            "reason": "",
            "suggested": "",
            "sample_id": SAMPLE,
        },
        "predictions": [
            {
                "model_version": "v7",
                "score": 0.3,
                "result": [
                    {
                        "from_name": "label",
                        "to_name": "image",
                        "type": "choices",
                        "value": {"choices": ["neutral"]},
                    }
                ],
            }
        ],
    }


def test_a_guess_that_is_only_a_guess_goes_without_a_probability() -> None:
    body = tasks.payload(SENTIMENT, TaskPayload(SAMPLE, "hm", {}, "neutral", None, "v7"), {})
    assert body["predictions"][0]["score"] == 0.0 and body["predictions"][0]["result"]
    assert body["data"]["looked"] == "<p>The model guesses neutral, and can&#x27;t say how surely (v7).</p>"


def test_what_its_sender_says_stands_beside_the_guess() -> None:
    sample = TaskPayload(SAMPLE, "hm", {}, "neutral", 0.41, "v7", suggested="positive")
    data = tasks.payload(SENTIMENT, sample, {})["data"]
    assert data["looked"].endswith("sure (v7). Its sender says positive.</p>") and data["suggested"] == "positive"


def test_what_a_sample_lacks_is_an_empty_key_and_what_the_task_lacks_is_none() -> None:
    assert tasks.payload(SENTIMENT, TaskPayload(SAMPLE, None), {}) == {
        "data": {"image": "", "text": "", "looked": "", "reason": "", "suggested": "", "sample_id": SAMPLE}
    }
    assert tasks.payload(SPEECH, TaskPayload(SAMPLE, "unused"), {"audio": "/a.flac"})["data"] == {
        "audio": "/a.flac",
        "looked": "",
        "reason": "",
        "suggested": "",
        "sample_id": SAMPLE,
    }


def test_a_guess_that_is_no_label_of_the_task_is_not_sent() -> None:
    assert "predictions" not in tasks.payload(SENTIMENT, TaskPayload(SAMPLE, "x", {}, "angry", 0.4, "v1"), {})


def test_a_label_is_read_from_the_choice_alone() -> None:
    label = tasks.result(SENTIMENT, "neutral")
    note = {"from_name": "why", "to_name": "image", "type": "textarea", "value": {"text": ["neutral"]}}
    assert tasks.value_of([note, label], SENTIMENT) == "neutral"
    assert tasks.value_of([note], SENTIMENT) is None
    assert tasks.value_of([{**label, "from_name": "other"}], SENTIMENT) is None
    assert tasks.value_of([tasks.result(SENTIMENT, "angry")], SENTIMENT) is None
    assert tasks.value_of([{**label, "value": {"choices": ["neutral", "positive"]}}], SENTIMENT) is None


def test_each_person_says_one_thing_their_latest() -> None:
    first, second, skip = said(SENTIMENT, "neutral", 1), said(SENTIMENT, "positive", 2), said(SENTIMENT, "", 3)
    other = said(SENTIMENT, "negative", 0, annotator=2)
    answers = tasks.standing_answers([skip, second, first, other], SENTIMENT)
    assert [(answer.annotation, answer.value) for answer in answers] == [(other, "negative"), (second, "positive")]
    assert (tasks.skip_of([first, skip]), tasks.skip_of([first])) == (skip, None)
    assert tasks.standing_answers([said(SENTIMENT, "angry", 4)], SENTIMENT) == []


def test_a_skipped_annotation_says_nothing_though_it_holds_a_label() -> None:
    skipped = said(SENTIMENT, "positive", 1, cancelled=True)
    assert tasks.standing_answers([skipped], SENTIMENT) == []


def test_the_id_of_a_place_stands_beside_what_people_write() -> None:
    assert tasks.place_of(tasks.description(SENTIMENT)) is None
    written = tasks.with_place("Ours. [place:0000000000000000]", "0123456789abcdef")
    assert (written, tasks.place_of(written)) == ("Ours. [place:0123456789abcdef]", "0123456789abcdef")
    assert tasks.place_of(tasks.with_place("", "0123456789abcdef")) == "0123456789abcdef"


def test_an_upload_names_its_sample_behind_whatever_prefix() -> None:
    name = tasks.upload_name(SAMPLE, "12/34567.webp")
    assert name == f"{SAMPLE}.webp"
    assert tasks.sample_of_upload(name) == tasks.sample_of_upload(f"1a2b3c4d-{name}") == SAMPLE
    assert tasks.sample_of_upload("1a2b3c4d-holiday.png") is None
    assert tasks.sample_of_upload(f"f{SAMPLE}.png") is None


def test_the_most_common_version_leads_and_of_equals_the_last() -> None:
    assert tasks.leading_version({"v1": 2, "v2": 1}) == "v1"
    assert tasks.leading_version({"v1": 1, "v2": 1}) == "v2"
    assert tasks.leading_version({"": 2}) is None


def test_none_of_these_is_a_choice_with_a_key_where_the_task_has_it() -> None:
    plain, refusing = known.get("speech_emotion"), replace(known.get("speech_emotion"), none_of_these=True)
    assert choices(refusing)[:-1] == choices(plain)
    assert choices(refusing)[-1] == {
        "value": "None of these",
        "alias": "none_of_these",
        "hotkey": "x",
        "hint": "都不是",
    }
    config = tasks.label_config(plain)
    assert not tasks.fits(config, refusing) and tasks.brought_up(config, refusing) == tasks.label_config(refusing)
    answered = [tasks.result(refusing, "none_of_these")]
    assert tasks.value_of(answered, refusing) == "none_of_these" and tasks.value_of(answered, plain) is None
    guessed = TaskPayload(SAMPLE, None, value="none_of_these", score=0.5)
    assert tasks.payload(refusing, guessed, {})["predictions"][0]["result"] == answered
    assert "predictions" not in tasks.payload(plain, guessed, {})
