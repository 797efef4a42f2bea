"""What is set wrong is refused in one sentence that names the variable and what it takes."""

from pathlib import Path

import pytest

from mmdemo import settings
from mmdemo.errors import ManifestError


def test_doubtful_samples_are_asked_for_unless_it_is_set_otherwise() -> None:
    for variables, read in (({}, "ask"), ({"MMDEMO_KEEP_DOUBTFUL": ""}, "ask")):
        assert settings.load(variables).keep_doubtful == read
    assert settings.load({"MMDEMO_KEEP_DOUBTFUL": " unless_declined "}).keep_doubtful == settings.UNLESS_DECLINED


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("MMDEMO_KEEP_DOUBTFUL", "always", 'MMDEMO_KEEP_DOUBTFUL must be one of ask, unless_declined, not "always".'),
        ("MMDEMO_RETENTION_DAYS", "-1", 'MMDEMO_RETENTION_DAYS must be a whole number, not "-1".'),
        (
            "MMDEMO_TRUSTED_PROXIES",
            "10.0.0.1, 10.0.0.1/8",
            "MMDEMO_TRUSTED_PROXIES must name addresses or networks such as 10.0.0.0/8, with commas between them, "
            'or be private, not "10.0.0.1/8".',
        ),
    ],
)
def test_what_a_variable_cannot_be_is_said(variable: str, value: str, sentence: str) -> None:
    with pytest.raises(ManifestError) as refusal:
        settings.load({variable: value})
    assert (refusal.value.sentence("en"), refusal.value.exit_code) == (sentence, 2)


def test_a_label_studio_that_was_started_from_here_is_used_where_no_other_is_named(tmp_path: Path) -> None:
    home, named = {"MMDEMO_HOME": str(tmp_path)}, {"LABEL_STUDIO_URL": "http://other", "LABEL_STUDIO_API_KEY": "k"}
    assert settings.load(home).label_studio_url == ""
    file = tmp_path / settings.OWN_SERVER
    file.parent.mkdir()
    file.write_text("{")  # half written: as if there were none
    assert settings.load(home).label_studio_url == ""
    file.write_text('{"url": "http://127.0.0.1:8080", "key": "secret", "media": "/media", "email": "a@b"}')
    read = settings.load(home)
    connection = (read.label_studio_url, read.label_studio_api_key, read.label_studio_media)
    assert connection == ("http://127.0.0.1:8080", "secret", Path("/media"))
    assert settings.load({**home, **named}).label_studio_url == "http://other"
