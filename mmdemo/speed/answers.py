"""What an answer costs, part by part and in batches, beside the network alone on prepared tensors (fp32, eager)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch

from mmdemo import decode
from mmdemo.errors import BadInput, ManifestError
from mmdemo.evaluation import LabelledRow, ask, figures, retrieval
from mmdemo.model.batch import Batch
from mmdemo.model.encoded import alike, padded
from mmdemo.prediction import loading
from mmdemo.prediction.assembly import SampleOutput, assemble
from mmdemo.prediction.predictor import Predictor
from mmdemo.retrieval.neighbours import Neighbours
from mmdemo.settings import Settings
from mmdemo.speed.turns import Clock, Measures, Timing, in_turns, timings
from mmdemo.values.analysis import MapRequest
from mmdemo.values.samples import Inputs, Modalities, subsets

BARE, BARE_BATCHES, BARE_PARTS = "bare forward (B)", "bare batches (BB)", "bare batches, all subsets"
FILE, MAP, CLOSER = "predict a file", "… with the default map", "closer looks: study, weigh, alike"
AGAIN, WHAT_IF = "the same file again", "what-if, one unit less: {modality}"
IN_RUNTIME = "{what}, {runtime}"
DECODE, CHECK, PREPARE = "decode", "checks", "frontends"
ENCODE, FUSE, ASSEMBLE = "frontends and encoders, as they answer", "fusion", "answer from outputs"
DECODED, FILES, EVALUATE = "answer_batch, decoded", "predict_many, files", "evaluate, files, all subsets"
ALONE = 8  # samples that are timed one by one
ALIKE = 5  # neighbours that are looked for


@dataclass(frozen=True)
class Bench:
    """One version and the samples that it is timed on."""

    predictor: Predictor
    served: loading.Served  # the same version, to be asked part by part
    rows: Sequence[LabelledRow]
    inputs: Sequence[Inputs]  # of the rows, decoded
    neighbours: Neighbours
    clock: Clock
    in_runtimes: Mapping[str, Predictor] = field(default_factory=dict)  # the same version, by what computes encoders

    @classmethod
    def of(
        cls,
        predictor: Predictor,
        folder: Path,
        rows: Sequence[LabelledRow],
        settings: Settings,
        clock: Clock,
        in_runtimes: Mapping[str, Predictor],
    ) -> "Bench":
        """Return what is timed: the rows that can be judged. Raises ManifestError where there are none."""
        outcomes = [each for part in decode.decode_ahead((row.sample for row in rows), predictor.task) for each in part]
        answered = predictor.answer_batch(outcomes)
        kept = [place for place, each in enumerate(answered) if not isinstance(each, BadInput)]
        if not kept:
            raise ManifestError("nothing_to_evaluate", count=len(rows))
        decoded = [each for each in (outcomes[place] for place in kept) if isinstance(each, Inputs)]
        served, neighbours = loading.load(folder, predictor.task), Neighbours(predictor.task, settings)
        return cls(predictor, served, [rows[place] for place in kept], decoded, neighbours, clock, in_runtimes)

    def one_by_one(self, rounds: int) -> list[Timing]:
        """Return what one sample costs: its parts, its answer, its map and its closer looks, each beside B."""
        seconds = defaultdict[str, list[float]](list)
        for row, inputs in list(zip(self.rows, self.inputs, strict=True))[:ALONE]:
            for name, took in in_turns(self._of_one(row, inputs), rounds, self.clock).items():
                seconds[name] += took
        again = (AGAIN, *(WHAT_IF.format(modality=name) for name in self.predictor.task.modalities))
        of = {name: FILE if name in again else BARE for name in seconds}
        for runtime in self.in_runtimes:
            of |= {_in(runtime, name): _in(runtime, FILE) for name in again if _in(runtime, name) in seconds}
        return timings(seconds, of)

    def in_batches(self, rounds: int) -> list[Timing]:
        """Return what a sample costs where all go in batches, beside the bare batches that it takes."""
        seconds = in_turns(self._of_many(), rounds, self.clock)
        of = {DECODED: BARE_BATCHES, FILES: BARE_BATCHES, EVALUATE: BARE_PARTS}
        return timings(seconds, {BARE_BATCHES: BARE, BARE: BARE, BARE_PARTS: BARE_BATCHES, **of}, len(self.rows))

    def _of_one(self, row: LabelledRow, inputs: Inputs) -> Measures:
        served, predictor = self.served, self.predictor
        encoded, kept = served.processor([inputs]), served.encode([inputs])
        in_runtimes: dict[str, Callable[[], object]] = {}
        for runtime, other in self.in_runtimes.items():
            in_runtimes |= {_in(runtime, what): run for what, run in self._asked(other, row, inputs).items()}
        with torch.inference_mode():
            output = served.model(Batch(padded(kept)))
        said = SampleOutput.of(inputs, encoded, output)
        return {
            BARE: lambda: self._forward(encoded.batch),
            **self._asked(predictor, row, inputs),
            **in_runtimes,
            DECODE: lambda: decode.decode(row.sample, predictor.task),
            CHECK: _unknown(predictor, lambda: predictor.check(inputs)),
            PREPARE: lambda: served.processor([inputs]),
            ENCODE: lambda: served.encode([inputs]),
            FUSE: lambda: self._forward(Batch(padded(kept))),
            ASSEMBLE: lambda: assemble(served, said),
        }

    def _asked(self, predictor: Predictor, row: LabelledRow, inputs: Inputs) -> Measures:
        """Return what the page asks of a predictor about a sample, and about the same one after that."""

        first = partial(_unknown, predictor)
        return {
            FILE: first(lambda: predictor.predict(row.sample)),
            CLOSER: first(self._closer(predictor, inputs)),
            MAP: first(lambda: predictor.predict(row.sample, "default")),
            AGAIN: lambda: predictor.predict(row.sample),
            **self._what_ifs(predictor, inputs),
        }

    def _what_ifs(self, predictor: Predictor, inputs: Inputs) -> Measures:
        """Return what takes the first unit of each modality away, after an answer with its map."""
        _, forward = predictor.answer(inputs, "default")

        def answered(unit: int) -> None:
            predictor.what_if(forward, [unit], [])

        units = self.served.aimed(forward).layout.units
        return {
            WHAT_IF.format(modality=name): partial(answered, some.start) for name, some in units.items() if len(some)
        }

    def _closer(self, predictor: Predictor, inputs: Inputs) -> Callable[[], None]:
        prediction, forward = predictor.answer(inputs, "default")
        assert prediction.explanation is not None
        request = MapRequest(prediction.explanation.method, prediction.explanation.target)
        answered, state = forward, forward.state
        assert isinstance(state, loading.PassState)

        def look() -> None:
            measured = state.measured  # by the answer: each look begins with no more
            measured = replace(
                measured,
                without=dict(measured.without),
                of_modalities=dict(measured.of_modalities),
                maps=dict(measured.maps),
            )
            forward = replace(answered, state=replace(state, measured=measured))
            predictor.study(forward)
            predictor.weigh(forward, request)
            features = predictor.features_of(forward)
            self.neighbours.find(predictor, lambda: features, ALIKE, prediction.sample_id, lambda version: ())

        return look

    def _of_many(self) -> Measures:
        served, predictor = self.served, self.predictor
        together = [[self.inputs[place] for place in places] for places in alike(self.inputs)]
        prepared = [(part[0].modalities, served.processor(part).batch) for part in together]
        alone = [served.processor([inputs]).batch for inputs in self.inputs]
        return {
            BARE: lambda: [self._forward(batch) for batch in alone],
            BARE_BATCHES: lambda: [self._forward(batch) for _, batch in prepared],
            BARE_PARTS: lambda: [self._parts(batch, modalities) for modalities, batch in prepared],
            DECODED: lambda: predictor.answer_batch(self.inputs),
            FILES: lambda: list(predictor.predict_many(row.sample for row in self.rows)),
            EVALUATE: self._evaluate,
        }

    def _evaluate(self) -> None:
        answers = ask(self.predictor, self.rows)
        figures(answers)
        retrieval.measure(answers, self.rows)

    @torch.inference_mode()
    def _forward(self, batch: Batch) -> None:
        self.served.model(batch)

    @torch.inference_mode()
    def _parts(self, batch: Batch, modalities: Modalities) -> None:
        tokens = self.served.model.encode(batch)
        for part in subsets(modalities):
            self.served.model.fuse(tokens.only(part))


def _unknown(predictor: Predictor, run: Callable[[], object]) -> Callable[[], None]:
    """Return what does all that is needed, whatever the predictor did before."""

    def first() -> None:
        predictor.forget()
        run()

    return first


def _in(runtime: str, what: str) -> str:
    return IN_RUNTIME.format(what=what, runtime=runtime)
