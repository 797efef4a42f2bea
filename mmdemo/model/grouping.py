"""Which samples go through encoders together: those of like length, so that little of a batch is padding."""

from collections.abc import Sequence

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.values.samples import Inputs, Modalities

MOST_SAMPLES = 16  # of a batch
MOST_ALONE = {"image": 4, "audio": 8}  # … of one modality: what a layer makes of more is too much for a CPU's cache
MOST_SECONDS = 240.0  # of sound in a batch, padding included: what its spectra and tokens take is bounded


def alike(samples: Sequence[Inputs]) -> list[list[int]]:
    """Return the places of samples that go together: the same modalities, of like length, no more than the limits."""
    batches: list[list[int]] = []
    for place in sorted(range(len(samples)), key=lambda place: _length(samples[place])):
        sample, last = samples[place], batches[-1] if batches else []
        room = MOST_ALONE.get("".join(sample.modalities), MOST_SAMPLES)
        if sample.audio is not None:  # the longest so far: all before are padded to it
            room = min(room, int(MOST_SECONDS * SAMPLE_RATE_HZ / max(1, len(sample.audio))))
        if last and len(last) < room and samples[last[0]].modalities == sample.modalities:
            last.append(place)
        else:
            batches.append([place])
    return batches


def _length(sample: Inputs) -> tuple[Modalities, int, int]:
    """Return what samples are sorted by: a picture is as long as any other."""
    return sample.modalities, 0 if sample.audio is None else len(sample.audio), len(sample.text or "")
