"""What encoders make of samples, to be kept and gone on from: an encoder that does not learn is asked once.

`tokens_of` encodes each sample alone, and by one thread: what comes of it depends on nothing but the sample and the
weights, to the last bit, so that tokens that were kept in files are as good as new ones in any company. On a processor
that is no slower than batches, which pay for padding; as many samples are at work as there are threads. What answers
wants all threads for one sample, and full precision: `tokens_in_batches`.

Letters of the shapes: b samples, n tokens of a sample, w width of an encoder's token.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.model.batch import Encoder, EncoderInputs, EncoderTokens
from mmdemo.model.model import Loaded
from mmdemo.model.processor import MultimodalProcessor
from mmdemo.values.samples import MODALITIES, Inputs, Modalities

EncodedSample = Mapping[str, Tensor]  # modality → real tokens (n, w) of one sample, float16 where they lie in files
TokenSource = Callable[[Loaded, Sequence[Inputs]], Sequence[EncodedSample]]  # `tokens_of`, or what knows some already
MOST_SAMPLES = 16  # of a batch
MOST_ALONE = {"image": 4, "audio": 8}  # … of one modality: what a layer makes of more is too much for a CPU's cache
MOST_SECONDS = 240.0  # of sound in a batch, padding included: what its spectra and tokens take is bounded


def tokens_of(loaded: Loaded, inputs: Sequence[Inputs]) -> list[EncodedSample]:
    """Return what the encoders of a model that answers make of decoded samples, in their order.

    A picture or a sound that stands in several of them, as the same array, is encoded once.
    """
    assert not loaded.model.encoders.training, "an encoder that learns says something else each time"
    parts = {(name, _key(getattr(item, name))): item.only([name]) for item in inputs for name in item.modalities}
    with one_thread() as workers, ThreadPoolExecutor(workers) as pool:
        encoded = dict(zip(parts, pool.map(lambda part: _encoded(loaded, part), parts.values()), strict=True))
    return [{name: encoded[name, _key(getattr(item, name))] for name in item.modalities} for item in inputs]


@torch.inference_mode()
def tokens_in_batches(
    encoders: Mapping[str, Encoder],
    processor: MultimodalProcessor,
    samples: Sequence[Inputs],
    device: torch.device | str = "cpu",
) -> list[EncodedSample]:
    """Return the tokens (n, w) float32 of decoded samples, in their order: contents of like length in one pass."""
    parts = [(place, item.only([name])) for place, item in enumerate(samples) for name in item.modalities]
    encoded: list[dict[str, Tensor]] = [{} for _ in samples]
    for group in alike([part for _, part in parts]):
        [(name, inputs)] = processor([parts[row][1] for row in group]).batch.to(device).modalities.items()
        tokens, real = inputs.encoded_by(encoders[name], torch.arange(len(group)))
        for row, values, mask in zip(group, tokens, real, strict=True):
            encoded[parts[row][0]][name] = values[mask]
    return [{name: own[name] for name in item.modalities} for item, own in zip(samples, encoded, strict=True)]


def padded(samples: Sequence[EncodedSample]) -> dict[str, EncoderTokens]:
    """Return the tokens of samples as a batch's modalities; a modality that none of them has is left out."""
    by_name = {}
    for name in (name for name in MODALITIES if any(name in sample for sample in samples)):
        width = next(sample[name].shape[1] for sample in samples if name in sample)
        kept = [sample.get(name, torch.zeros(0, width)).float() for sample in samples]
        lengths = torch.tensor([len(tokens) for tokens in kept])
        values = pad_sequence(kept, batch_first=True)  # (b, n, w)
        by_name[name] = EncoderTokens(values, torch.arange(values.shape[1]) < lengths[:, None])
    return by_name


def digest(loaded: Loaded, modalities: Collection[str]) -> str:
    """Return a SHA-256 (hex) over all that decides these tokens of a sample: encoders, and what prepares their inputs.

    Versions with the same one share tokens.
    """
    state = hashlib.sha256()
    for name in sorted(modalities):
        state.update(json.dumps([name, loaded.model.config.encoders[name], loaded.processor.settings(name)]).encode())
        for weight, value in sorted(loaded.model.encoders[name].state_dict().items()):
            state.update(weight.encode())
            state.update(value.detach().cpu().contiguous().numpy())
    return state.hexdigest()


@torch.inference_mode()
def _encoded(loaded: Loaded, part: Inputs) -> Tensor:
    """Return the real tokens (n, w) float16 of the only modality of a sample."""
    [(name, inputs)] = loaded.processor([part]).batch.to(loaded.model.device).modalities.items()
    assert isinstance(inputs, EncoderInputs)
    tokens, real = inputs.encoded_by(loaded.model.encoders[name], torch.zeros(1, dtype=torch.long))
    return tokens[0][real[0]].half().cpu()


def _key(content: object) -> object:
    """Return what tells a modality's content from others': of an array that it is the same one."""
    return content if isinstance(content, str) else id(content)


@contextmanager
def one_thread() -> Iterator[int]:
    """Let each operation keep to one thread while the block lasts; yields how many there were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


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
