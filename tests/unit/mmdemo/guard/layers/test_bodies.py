"""A body is measured before it is parsed: its size, its shape, and how slowly it comes."""

import pytest

from mmdemo import locale
from mmdemo.guard.layers import bodies
from mmdemo.guard.layers.bodies import Bodies
from mmdemo.guard.limits import KIB, RequestLimits
from mmdemo.guard.refusals import Refusing
from tests.unit.mmdemo.guard.asking import Echo, ask

LIMITS = RequestLimits(upload_bytes=1000, json_bytes=4 * KIB, wait_s=0.2)


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def app(echo: Echo) -> Refusing:
    return Refusing(Bodies(echo, LIMITS))


def test_what_fits_goes_on_as_it_came(app: Refusing, echo: Echo) -> None:
    assert ask(app, [b'{"data": [', b'"a]]"', b"]}"]) == (200, 17)
    assert echo.body == b'{"data": ["a]]"]}'


def test_what_says_that_it_is_too_large_is_not_read(app: Refusing, echo: Echo) -> None:
    status, body = ask(app, [], headers={"Content-Length": "60000000"}, then=None)
    assert (status, body["detail"]) == (413, locale.text("guard.body_too_large", limit=4))
    assert echo.scope == {}


def test_what_does_not_say_so_is_refused_as_soon_as_it_is(app: Refusing, echo: Echo) -> None:
    assert ask(app, [b"x" * KIB] * 5, then=None)[0] == 413
    assert echo.scope == {}


def test_the_refusal_is_in_the_callers_language(app: Refusing) -> None:
    headers = {"Content-Length": "60000000", "Accept-Language": "zh-CN,zh;q=0.9"}
    assert ask(app, [], headers=headers)[1]["error"] == locale.text("guard.body_too_large", "zh", limit=4)


@pytest.mark.parametrize("length", ["-1", "1e9", "a", ""])
def test_a_length_that_is_no_number_is_refused(app: Refusing, length: str) -> None:
    assert ask(app, headers={"Content-Length": length})[0] == 400


@pytest.mark.parametrize(
    "deep", [b"[" * 33, b'{"a":' * 33, b'"\\"[[",' + b"[" * 33, b'["' + b"\\\\" * 9 + b'"' + b"[" * 32]
)
def test_lists_in_lists_are_counted_before_anything_is_parsed(app: Refusing, deep: bytes) -> None:
    assert ask(app, [deep])[0] == 400


@pytest.mark.parametrize(
    "flat", [b"[" * 32, b"[]" * 1000, b'"' + b"[" * 1000 + b'"', b'"\\"' + b"[" * 1000, b'"' + b"["]
)
def test_what_is_flat_or_only_text_is_not_deep(app: Refusing, flat: bytes) -> None:
    assert ask(app, [flat])[0] == 200


@pytest.mark.parametrize("piece", [b"[],", b"{},", b'"a",', b"1,"])
def test_what_holds_very_many_values_is_refused_before_it_is_parsed(piece: bytes) -> None:
    with pytest.raises(bodies.Refusal):
        bodies.check_shape(b"[" + piece * (bodies.VALUES + 1) + b"1]")


def test_signs_within_text_are_no_values() -> None:
    bodies.check_shape(b'{"data": ["' + b"[,{" * bodies.VALUES + b'"]}')


@pytest.mark.parametrize("piece", [b'\\"', b'"\\', b'"', b'\\\\"', b'a"\\"'])
@pytest.mark.timeout(5)
def test_no_text_is_slow_to_look_through(piece: bytes) -> None:
    bodies.check_shape(piece * (2**20 // len(piece)))


def test_who_stops_sending_is_given_up(app: Refusing, echo: Echo) -> None:
    assert ask(app, [b"{"], then=None)[0] == 408
    assert echo.scope == {}


def test_who_goes_away_is_not_answered(app: Refusing, echo: Echo) -> None:
    assert ask(app, [b"{"], then={"type": "http.disconnect", "early": True}) == (0, {})
    assert echo.scope == {}
