"""What benchmarks.faithfulness measured, as Markdown: means with bootstrap intervals, and paired tests."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import wilcoxon

from mmdemo.evaluation.metrics import interval, resamples

Figures = dict[str, float]  # "input/all/relevance/deletion" → the figure of one sample

EVERYTHING, RANDOM = "all", "random"
REFEREE = "occlusion"
FIGURES = ("deletion", "insertion", "saco")
TESTED = ("deletion", "saco")
SCOPES = {EVERYTHING: "everything", "image": "picture", "text": "caption", "audio": "sound"}
PLACES = {"input": "In the input itself", "tokens": "At the fusion's tokens"}
RIVALS = ("attention", "rollout", RANDOM)  # what the default must beat


def tables(samples: Sequence[Figures], task: str, methods: Sequence[str]) -> list[str]:
    """Return the lines of one task's tables; `found` holds what each sample gave."""
    lines = [f"## {task}, {len(samples)} samples of dev\n"]
    for place, title in PLACES.items():
        if not any(key.startswith(place) for item in samples for key in item):
            continue
        lines += [f"### {title}\n", *_figures(samples, place, methods), *_tests(samples, place, methods)]
    if REFEREE in methods:
        lines += [f"### Rank correlation with `{REFEREE}`\n", *_correlations(samples, REFEREE, methods)]
    checked = sum(any(key.startswith("untrained") for key in item) for item in samples)
    lines += [f"### Rank correlation with the map of an untrained copy, {checked} samples\n"]
    lines += _correlations(samples, "untrained", methods)
    return [*lines, "### Cost, and what the page's badge says\n", *_costs(samples, methods)]


def _figures(samples: Sequence[Figures], place: str, methods: Sequence[str]) -> list[str]:
    scopes = _scopes(samples)
    lines = [
        _row("map", *(f"{SCOPES[scope]}: deletion ↓ | insertion ↑ | SaCo ↑" for scope in scopes)),
        "|---" * (1 + len(FIGURES) * len(scopes)) + "|",
    ]
    for name in (*methods, RANDOM):
        keys = [f"{place}/{scope}/{name}/{metric}" for scope in scopes for metric in FIGURES]
        lines.append(_row(f"`{name}`" if name != RANDOM else name, *(mean(_values(samples, key)) for key in keys)))
    return [*lines, ""]


def _tests(samples: Sequence[Figures], place: str, methods: Sequence[str]) -> list[str]:
    """Return how the default compares with each rival: the mean difference by pairs, its interval, and p."""
    scopes = _scopes(samples)
    head = _row(f"`{methods[0]}` less", *(f"{SCOPES[s]}: deletion | p | SaCo | p" for s in scopes))
    lines = [head, "|---" * (1 + 4 * len(scopes)) + "|"]
    for rival in RIVALS:
        if rival in (*methods, RANDOM) and rival != methods[0]:
            where = [(f"{place}/{scope}", metric) for scope in scopes for metric in TESTED]
            lines.append(_row(rival, *(_compared(samples, at, methods[0], rival, metric) for at, metric in where)))
    return [*lines, ""]


def _compared(samples: Sequence[Figures], where: str, name: str, rival: str, metric: str) -> str:
    keys = f"{where}/{name}/{metric}", f"{where}/{rival}/{metric}"
    pairs = np.array([[item[key] for key in keys] for item in samples if keys[0] in item and keys[1] in item])
    less = pairs[:, 0] - pairs[:, 1]
    p = wilcoxon(less).pvalue if less.any() else 1.0
    return f"{mean(less, sign='+')} | {p:.1g}"


def _correlations(samples: Sequence[Figures], kind: str, methods: Sequence[str]) -> list[str]:
    scopes = _scopes(samples)
    lines = [_row("map", *(SCOPES[scope] for scope in scopes)), "|---" * (1 + len(scopes)) + "|"]
    for name in (name for name in methods if name != REFEREE):
        lines.append(_row(f"`{name}`", *(mean(_values(samples, f"{kind}/{scope}/{name}")) for scope in scopes)))
    return [*lines, ""]


def _costs(samples: Sequence[Figures], methods: Sequence[str]) -> list[str]:
    """Return medians: what a map adds, in predictions of its own sample, and what judging it for the badge takes."""
    whole, badge_s = (np.median(_values(samples, f"seconds/{what}")) for what in ("prediction", "badge"))
    better = _values(samples, "badge")
    lines = [
        f"A prediction of decoded input takes {whole * 1000:.0f} ms, the badge {badge_s:.1f} s, both in the median. It "
        f"calls `{methods[0]}` better than random on {better.mean():.0%} of {len(better)} samples.\n",
        _row("map", "adds, in times of a prediction"),
        "|---|---|",
    ]
    for name in methods:
        ratio = np.median([item[f"seconds/{name}"] / item["seconds/prediction"] for item in samples])
        lines.append(_row(f"`{name}`", f"{ratio:.2f}"))
    return [*lines, ""]


def _scopes(samples: Sequence[Figures]) -> list[str]:
    """Return what was taken: everything where samples have several modalities, and each of those."""
    there = {key.split("/")[1] for item in samples for key in item if key.split("/")[0] in PLACES}
    return [scope for scope in SCOPES if scope in there]


def _values(samples: Sequence[Figures], key: str) -> np.ndarray:
    return np.array([item[key] for item in samples if key in item])


def mean(values: np.ndarray, sign: str = "") -> str:
    """Return a mean with its 95 % bootstrap interval, samples drawn anew."""
    if not len(values):
        return "–"
    drawn = resamples(len(values), np.random.default_rng(0)) @ values / len(values)
    low, high = interval(drawn)
    return f"{values.mean():{sign}.3f} ({low:{sign}.3f} … {high:{sign}.3f})"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
