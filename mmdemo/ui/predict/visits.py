"""What the server remembers of each press of Predict, for a short while and in memory alone.

The browser makes the token, 128 random bits, and nobody else knows it. Under it an answer outlives a dropped connection
or a reload, and the sample can be disputed without being sent again.
"""

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from mmdemo.errors import MmdemoError
from mmdemo.ui.callers import arguments
from mmdemo.ui.samples.preview import Preview
from mmdemo.values.analysis import ForwardPass
from mmdemo.values.samples import Inputs, Medium, Prediction, Sample

REMEMBERED_S = 30 * 60
MOST_BYTES = 512_000_000  # of all visits together; the oldest go first of the caller who has most
MOST_VISITS = 2_000
LOOKS_BYTES = 200 * 2**10  # what closer looks add to a forward pass, at most


@dataclass(frozen=True)
class Visit:
    """One press of Predict: what was asked, and as far as it has come what was answered."""

    task: str
    sample: Sample  # as it was sent, its files as bytes; once it is read, with a Medium for each of them
    keep: bool | None  # may it be stored; None: its visitor is asked once there is reason to
    prediction: Prediction | None = None
    audit: float | None = None  # with which chance a sure answer was drawn to be checked by people; None: it was not
    inputs: Inputs | None = None  # the sample once it is read: the same arrays
    preview: Preview | None = None
    forward: ForwardPass | None = None  # the one that answered, of which a closer look asks more
    refusal: MmdemoError | None = None  # instead of a prediction
    prediction_id: str | None = None  # what the sender can take back; None where nothing is kept
    disputed: str | None = None  # the label that the visitor said is right
    reply: bool | None = None  # what the visitor said to the question whether people may see it
    forgotten: bool = False  # taken back by the visitor
    example: int | None = None  # which of the task's examples it is
    opened: bool = False  # a kept answer, by its link; its id stays with the browser that sent it
    caller: str = ""  # who began it

    @property
    def touched(self) -> bool:
        """Has its visitor said anything about it, or taken it back?"""
        return self.disputed is not None or self.reply is not None or self.held or self.forgotten

    @property
    def held(self) -> bool:
        """Is something kept that its sender can take back?"""
        return (self.opened or self.prediction_id is not None) and not self.forgotten

    @property
    def answered(self) -> bool:
        """Has it come to an end, one way or the other?"""
        return self.prediction is not None or self.refusal is not None

    @property
    def wanted(self) -> bool:
        """Is it one of those that people shall see, and that nobody has kept yet?"""
        doubted = self.prediction is not None and (self.prediction.flagged or self.audit is not None)
        return doubted and self.prediction_id is None and not self.opened and not self.forgotten

    @property
    def asks(self) -> bool:
        """Must its visitor say first whether people may see it?"""
        return self.wanted and self.keep is None

    def taken_back(self) -> "Visit":
        """Return what is left once its sender has taken it back: the answer, and nothing that quotes what was sent."""
        answer = replace(self.prediction, explanation=None) if self.prediction else None
        nothing: dict[str, Any] = dict.fromkeys(("inputs", "forward", "disputed", "reply"))
        return replace(self, sample=Sample(), preview=Preview(), prediction=answer, forgotten=True, **nothing)

    @property
    def sizes(self) -> dict[int, int]:
        """Identity of each large thing that it holds → its bytes: who looks at one example's answer shares them."""
        things: list[Any] = [self.sample.image, self.sample.text, self.sample.audio, self.preview, self.forward]
        return {id(thing): _size(thing) for thing in things}


class Visits:
    """Visits by token: bounded in number, bytes and time. Threads may share it."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_VISITS,
        most_bytes: int = MOST_BYTES,
        remembered_s: float = REMEMBERED_S,
    ) -> None:
        self._clock = clock
        self._most = most
        self._most_bytes = most_bytes
        self._remembered_s = remembered_s
        self._sweeping = False
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, Visit]] = OrderedDict()  # token → time of the last change, visit

    def begin(self, token: str, visit: Visit) -> None:
        """Remember a new visit. Raises BadInput for a token that could be guessed."""
        with self._lock:
            self._put(arguments.token(token), visit)

    def get(self, token: str) -> Visit | None:
        """Return the visit of that token, None if it was dropped or its time is over."""
        with self._lock:
            self._expire()
            return self._kept[token][1] if token in self._kept else None

    def change(self, token: str, **changes: Any) -> Visit | None:
        """Replace some fields and return the new visit; None if it is gone or taken back: then nothing comes back."""
        with self._lock:
            if token not in self._kept or self._kept[token][1].forgotten:
                return None
            visit = replace(self._kept[token][1], **changes)
            self._put(token, visit)
            return visit

    def take_back(self, token: str, prediction_ids: Collection[str]) -> None:
        """Let go of what was sent under this token, and in the visits whose sender was told one of these ids."""
        with self._lock:
            for name, (_, visit) in list(self._kept.items()):
                if name == token or visit.prediction_id in prediction_ids:
                    self._put(name, visit.taken_back())

    def let_go_opened(self) -> None:
        """Drop the answers that were opened by their links: what one of them shows may have been deleted elsewhere."""
        with self._lock:
            for name in [name for name, (_, visit) in self._kept.items() if visit.opened]:
                del self._kept[name]

    def drop(self, token: str) -> Visit | None:
        """Forget a visit at once and return what it was."""
        with self._lock:
            return self._kept.pop(token, (0.0, None))[1]

    def _put(self, token: str, visit: Visit) -> None:
        self._kept[token] = (self._clock(), visit)
        self._kept.move_to_end(token)
        self._expire()
        self._sweep_later()

    def _sweep_later(self) -> None:
        """Let go of the oldest when its time is over, also where nobody comes any more."""
        if self._sweeping or not self._kept:
            return
        changed_at, _ = next(iter(self._kept.values()))
        timer = threading.Timer(changed_at + self._remembered_s - self._clock(), self._sweep)
        timer.daemon = True
        timer.start()
        self._sweeping = True

    def _sweep(self) -> None:
        with self._lock:
            self._sweeping = False
            self._expire()
            self._sweep_later()

    def _expire(self) -> None:
        too_old = self._clock() - self._remembered_s
        while self._kept and next(iter(self._kept.values()))[0] <= too_old:
            self._kept.popitem(last=False)
        while (full := self._total_bytes() > self._most_bytes) or len(self._kept) > self._most:
            greediest = self._greediest(by_size=full)
            oldest = next(token for token, (_, visit) in self._kept.items() if visit.caller == greediest)
            del self._kept[oldest]

    def _total_bytes(self) -> int:
        sizes: dict[int, int] = {}
        for _, visit in self._kept.values():
            sizes |= visit.sizes
        return sum(sizes.values())

    def _greediest(self, by_size: bool) -> str:
        """Return the caller who has most here, so that who takes all there is drops what is its own."""
        sizes: Counter[str] = Counter()
        for _, visit in self._kept.values():
            sizes[visit.caller] += sum(visit.sizes.values()) if by_size else 1
        return sizes.most_common(1)[0][0]


def _size(thing: Any) -> int:
    """Return the bytes of a part of a visit; a file that only its path stands for takes none."""
    if isinstance(thing, bytes | str):
        return len(thing)
    if isinstance(thing, Medium):
        return thing.array.nbytes
    if isinstance(thing, ForwardPass):
        return thing.size + LOOKS_BYTES
    return thing.size if isinstance(thing, Preview) else 0
