"""A probability as a person reads it, in one language."""

from mmdemo.locale import text


def percent(value: float, language: str, apart_from: float | None = None) -> str:
    """Return a probability as a person reads it; with a decimal where rounding would make it equal to `apart_from`."""
    close = apart_from is not None and value != apart_from and round(100 * value) == round(100 * apart_from)
    number = f"{100 * value:.1f}" if close else f"{100 * value:.0f}"
    if number in ("100", "100.0") and value < 1:
        number = "> 99"
    elif number in ("0", "0.0") and value > 0:
        number = "< 1"
    return text("common.percent", language, number=number)


def sure(value: float, capped: bool, language: str) -> str:
    """Return how sure an answer is as a person reads it: a percentage, or that it is only a guess."""
    return text("common.only_a_guess", language) if capped else percent(value, language)
