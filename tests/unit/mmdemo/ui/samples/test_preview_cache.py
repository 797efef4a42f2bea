"""Previews are made once, and gone as soon as anything is deleted, or a while after the last look."""

from mmdemo.ui.samples.preview import Preview, PreviewCache
from tests.waiting import wait_until

SHOWN = Preview(picture="data:image/jpeg;base64,AAAA")


def test_a_preview_is_made_once() -> None:
    shelf, previews = PreviewCache(), []
    for _ in range(2):
        assert shelf.get("a", lambda: previews.append(1) or SHOWN) == SHOWN
    assert previews == [1]


def test_what_is_not_kept_is_made_anew() -> None:
    shelf = PreviewCache()
    for name in ("a", "b"):
        shelf.get(name, lambda: SHOWN)
    shelf.keep({"b", "c"})
    assert ("a" in shelf, "b" in shelf, "c" in shelf) == (False, True, False)
    shelf.clear()
    assert "b" not in shelf


def test_all_go_a_while_after_the_last_look() -> None:
    shelf = PreviewCache(idle_s=0.05)
    shelf.get("a", lambda: SHOWN)
    assert wait_until(lambda: "a" not in shelf)
