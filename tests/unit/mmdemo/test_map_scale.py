"""The scale of the map card: the same for every sample, and readable by every eye."""

import pytest

from mmdemo import map_scale

SIDES = [(1, False), (1, True), (-1, True)]  # of the scale, and whether it has two


@pytest.mark.parametrize(
    ("share", "level"),
    [(-8, -1), (-1, -0.4), (-0.2, 0), (0, 0), (0.25, 0), (0.5, 0.2), (1, 0.4), (2, 0.6), (4, 0.8), (8, 1), (99, 1)],
)
def test_the_scale_runs_from_a_quarter_of_an_even_share_to_eight(share: float, level: float) -> None:
    assert map_scale.level(share) == pytest.approx(level)


def test_the_scale_is_cividis_and_grows_brighter_without_a_step_back() -> None:
    assert (map_scale.colour(0.1), map_scale.colour(99)) == ("#00224e", "#fee838")
    brightness = [map_scale.contrast(map_scale.colour(0.25 * 1.05**step), "#000000") for step in range(72)]
    assert brightness == sorted(brightness)


@pytest.mark.parametrize("side", [1, -1])
def test_both_sides_of_a_signed_scale_grow_brighter_too(side: int) -> None:
    brightness = [
        map_scale.contrast(map_scale.colour(side * 0.25 * 1.05**step, signed=True), "#000000") for step in range(72)
    ]
    assert brightness == sorted(brightness)


def test_the_browser_is_handed_the_same_colours() -> None:
    handed = map_scale.for_scripts()
    for name, share, signed in (("looked", 1, False), ("towards", 1, True), ("against", -1, True)):
        ends = [map_scale.colour(share * end, signed) for end in (map_scale.LITTLE, map_scale.MUCH)]
        assert [handed[name][0], handed[name][-1]] == [[ground, map_scale.ink_on(ground)] for ground in ends]
        assert len(handed[name]) == handed["steps"] + 1


def test_ink_on_every_colour_of_the_scale_has_contrast_aa() -> None:
    shares = [0.25 * 1.02**step for step in range(176)]
    grounds = [map_scale.colour(side * share, signed) for share in shares for side, signed in SIDES]
    assert min(map_scale.contrast(ground, map_scale.ink_on(ground)) for ground in grounds) >= 4.5


def test_lines_are_seen_on_any_picture() -> None:
    assert min(map_scale.contrast(line, map_scale.CASING) for line in map_scale.LINES.values()) >= 4.5


def test_the_veil_leaves_a_picture_recognisable() -> None:
    assert map_scale.VEILED * map_scale.STRENGTH / 100 < 0.5  # more of the picture than of the veil
    assert map_scale.STRENGTH in map_scale.STRENGTHS


def test_contrast_is_that_of_wcag() -> None:
    assert map_scale.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert map_scale.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
