"""States and reasons are stored and sent as the plain strings that they were before they had a name."""

import enum
import json

import orjson
import pytest

from annotations.review_queue.content import Holder
from mmdemo.training.options import Precision, Tuning
from mmdemo.values import review, samples

STORED = {
    review.SampleState: ["unflagged", "queued", "sent", "labelled", "skipped", "unsure"],
    review.CorrectionSource: ["page", "label_studio", "import"],
    review.RunState: ["running", "done", "failed"],
    review.MeasuredOn: ["dev", "held_out"],
    samples.FlagReason: ["low_confidence", "unfamiliar", "audit", "disputed", "second_look", "none_of_these"],
    Holder: ["visitor", "flagging", "import"],
    Tuning: ["full", "frozen", "lora", "adalora", "ia3", "adapter"],
    Precision: ["fp32", "bf16"],
}


@pytest.mark.parametrize(("kind", "words"), STORED.items())
def test_every_value_is_written_as_its_word(kind: type[enum.StrEnum], words: list[str]) -> None:
    assert json.dumps(list(kind)) == json.dumps(words)
    assert orjson.loads(orjson.dumps(list(kind))) == words  # which Gradio sends with
    assert [f"{member}" for member in kind] == words and list(kind) == words
    named = samples.to_json({member: member for member in kind})
    assert orjson.loads(orjson.dumps(named)) == {word: word for word in words}
