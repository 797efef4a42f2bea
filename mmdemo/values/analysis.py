"""The frozen values of a closer look: other maps, what met what, what decided it, what to trust, what is alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mmdemo.values.samples import Explanation, Inputs


class TrustVerdict(StrEnum):
    """What a map's test on its own sample came to."""

    BETTER = "better"  # than random orders
    NO_BETTER = "no_better"
    TOO_FEW = "too_few"  # words, regions and moments to tell


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """A sample on its way through a model, kept so that more can be asked of it without going through again."""

    model_version: str
    inputs: Inputs
    state: object  # what the model made of it: its predictor's alone, which lets go of one that another version made
    size: int  # bytes that `state` holds


@dataclass(frozen=True)
class Interaction:
    """Attention between the units that people see: the picture's cells, the words that were read, moments.

    A weight is kept as 255 · √weight, uint8: fine where weights are small, as most are.
    """

    layers: int
    heads: int
    units: int
    answer: bytes  # layers × heads × units: how much the answer looked at each
    met: bytes  # layers × heads × units × units: how much each two met; empty where no two do


@dataclass(frozen=True)
class ExplanationSet:
    """What is cheap to know of one sample beyond its answer."""

    model_version: str
    maps: tuple[Explanation, ...]  # by method; what the answer's own label is explained by comes first
    attended: Interaction | None  # None where the fusion has no attention


@dataclass(frozen=True)
class ExplanationTarget:
    """Why `value`, rather than `against`."""

    value: str
    against: str | None = None  # None: rather than anything else


@dataclass(frozen=True)
class MapRequest:
    """One map: by which method, of which label, rather than which other (None: than any)."""

    method: str
    target: str
    against: str | None = None


@dataclass(frozen=True)
class Contributions:
    """What each modality added to the probability of one label, with sign; together `whole - nothing`.

    Against another label it is the probability out of the two of them. Signed maps of the same question sum to these.
    """

    target: str  # the label
    values: dict[str, float]  # modality → what it added, for the modalities that are there
    nothing: float  # probability where the fusion sees no token
    whole: float  # probability where it sees all of them
    against: str | None = None  # the other label; None: any


@dataclass(frozen=True)
class Trust:
    """A map's test on its own sample."""

    verdict: TrustVerdict
    score: float  # by how much the probability falls below what it is at random, averaged along the way: [-1, 1]
    shares: tuple[int, ...]  # per cent of words, cells and moments that are gone
    map: tuple[float, ...]  # the label's probability at each share, the map's most important gone first
    random: tuple[float, ...]  # the mean over random orders
    orders: int  # how many of those
    seed: int  # of them
    as_good: int  # how many of the random orders do as well as the map or better


@dataclass(frozen=True)
class AttributionReport:
    """What takes about a second to know of an answer and of one map of it."""

    model_version: str
    contributions: Contributions
    trust: Trust


@dataclass(frozen=True)
class Near:
    """A sample that is alike, and by what it was found."""

    id: str
    source: str  # examples, corrections, or the name of an indexed manifest
    label: str  # what it is; "" where nobody said so
    score: float  # how far it stands out: see mmdemo.retrieval.search
    cosine: float  # of the two features that met
    query: str  # the modality of the sample that is asked about
    match: str  # the modality of this one that met it
    text: str  # its caption
    image: str  # its picture, small, as a data URL; "" for none
    audio: str  # its sound as a data URL; "" for none


@dataclass(frozen=True)
class Alike:
    """The samples that are nearest to one."""

    model_version: str
    nearest: tuple[Near, ...]  # nearest first
    left_out: Mapping[str, str]  # indexed manifest that was not looked through → the version that it was indexed with
