"""Speech is heard; noise, tones, chords and clicks are not speech."""

import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch

from mmdemo import tasks
from mmdemo.checks import speech
from mmdemo.decode import SAMPLE_RATE_HZ, decode_audio

SECONDS = 3
TIME = np.arange(SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
NOISE = np.random.default_rng(0)
EXAMPLES = tasks.get("speech_emotion").examples


def tone(hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * TIME)


def chords() -> np.ndarray:
    """Return three chords, struck and dying away."""
    fall = np.exp(-3 * (TIME % 1))
    return fall * sum(tone(root * ratio) / 3 for root in (220,) for ratio in (1, 1.26, 1.5))


def melody() -> np.ndarray:
    """Return notes of changing length, struck and dying away, each with its overtones."""
    wave, start = np.zeros(len(TIME)), 0
    for hertz, seconds in zip((262, 330, 392, 523, 440, 349), (0.3, 0.6, 0.4, 0.7, 0.5, 0.5), strict=True):
        moment = TIME[: int(seconds * SAMPLE_RATE_HZ)]
        overtones = np.sin(2 * np.pi * np.outer(moment, hertz * np.arange(1, 6)))
        wave[start : start + len(moment)] = overtones.sum(axis=1) * np.exp(-3 * moment)
        start += len(moment)
    return wave / np.abs(wave).max()


def clicks() -> np.ndarray:
    wave = np.zeros(len(TIME))
    wave[:: SAMPLE_RATE_HZ // 2] = 1.0
    return wave


def pink() -> np.ndarray:
    spectrum = np.fft.rfft(NOISE.standard_normal(len(TIME)))
    wave = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(TIME))
    return wave / np.abs(wave).max()


SOUNDS: dict[str, Callable[[], np.ndarray]] = {
    "white noise": lambda: NOISE.uniform(-1, 1, len(TIME)),
    "pink noise": pink,
    "a low tone": lambda: tone(200),
    "a high tone": lambda: tone(1_000),
    "mains hum": lambda: sum((tone(50 * k) / k for k in range(1, 9)), np.zeros(len(TIME))) / 3,
    "a sweep": lambda: np.sin(2 * np.pi * (100 * TIME + 400 * TIME**2)),
    "chords": chords,
    "a melody": melody,
    "clicks": clicks,
}


@pytest.mark.parametrize("loudness", [0.005, 0.5])
@pytest.mark.parametrize("name", SOUNDS)
def test_what_is_not_speech_is_not_heard(name: str, loudness: float) -> None:
    assert not speech.is_heard((SOUNDS[name]() * loudness).astype(np.float32))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.expected)
@pytest.mark.parametrize("loudness", [0.1, 1.0])
@pytest.mark.slow
def test_the_shipped_examples_are_heard(example: tasks.Example, loudness: float) -> None:
    assert example.audio is not None
    wave = decode_audio(example.audio, tasks.get("speech_emotion").limits)
    assert speech.is_heard(wave * np.float32(loudness))
    assert speech.is_heard(np.concatenate([np.zeros(SAMPLE_RATE_HZ, np.float32), wave]))


@pytest.mark.parametrize("samples", [1, 511, 512, 513, 30 * SAMPLE_RATE_HZ])
def test_any_length_is_judged(samples: int) -> None:
    assert not speech.is_heard(np.zeros(samples, np.float32))


def test_the_network_is_the_packages_own() -> None:
    """With the weights of the package's scripted network ours gives the same probabilities."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        folder = speech.weights_file().parent
        theirs = torch.jit.load(folder / "silero_vad.jit")
    weights = theirs.state_dict()
    ours = speech.VoiceDetector().eval()
    named = {"stft_conv.weight": weights["_model.stft.forward_basis_buffer"]}
    for part in ("weight", "bias"):
        named |= {f"conv{i + 1}.{part}": weights[f"_model.encoder.{i}.reparam_conv.{part}"] for i in range(4)}
        named[f"final_conv.{part}"] = weights[f"_model.decoder.decoder.2.{part}"]
        named |= {f"lstm.{part}_{way}_l0": weights[f"_model.decoder.rnn.{part}_{way}"] for way in ("ih", "hh")}
    ours.load_state_dict(named)
    wave = decode_audio(EXAMPLES[0].audio or "", tasks.get("speech_emotion").limits)
    chunks = torch.from_numpy(wave[: 30 * 512]).view(30, 512)
    expected = torch.tensor([theirs(chunk, SAMPLE_RATE_HZ).item() for chunk in chunks])
    probabilities = torch.cat(list(speech.probabilities(chunks, ours)))
    torch.testing.assert_close(probabilities, expected, atol=1e-4, rtol=0)
