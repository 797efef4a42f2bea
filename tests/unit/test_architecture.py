"""Who may import whom, read from the syntax trees: arrows point down, rooms on one floor stay apart."""

import ast
import graphlib
from collections.abc import Iterable, Mapping

import pytest

from tests import source_tree
from tests.source_tree import Import

BASE = {
    "mmdemo.answers",
    "mmdemo.bounded_memory",
    "mmdemo.characters",
    "mmdemo.curves",
    "mmdemo.errors",
    "mmdemo.hashed_draw",
    "mmdemo.locale",
    "mmdemo.map_scale",
    "mmdemo.process.environment",
    "mmdemo.process.logs",
    "mmdemo.process.memory",
    "mmdemo.settings",
    "mmdemo.thresholds",
    "mmdemo.values.analysis",
    "mmdemo.values.history",
    "mmdemo.values.layout",
    "mmdemo.values.live_figures",
    "mmdemo.values.promise",
    "mmdemo.values.promise_status",
    "mmdemo.values.review",
    "mmdemo.values.samples",
    "mmdemo.whole_file",
}
INPUT = BASE | {"mmdemo.decode", "mmdemo.tasks"}
KNOWN = INPUT | {
    "mmdemo.behaviour",
    "mmdemo.checks.language",
    "mmdemo.checks.speech",
    "mmdemo.values.results",
    "mmdemo.versions.curves",
    "mmdemo.versions.local_rules",
    "mmdemo.versions.shared_layers",
    "mmdemo.versions.sidecar",
    "mmdemo.versions.temperature_scaling",
}
MODEL = KNOWN | {"mmdemo.checks.out_of_distribution", "mmdemo.model", "mmdemo.model.batch", "mmdemo.versions.card"}
BELOW_LOOP = MODEL | {
    "mmdemo",
    "mmdemo.evaluation",
    "mmdemo.explain",
    "mmdemo.prediction.engines",
    "mmdemo.prediction.lanes",
    "mmdemo.prediction.loading",
    "mmdemo.prediction.predictor",
    "mmdemo.retrieval",
    "mmdemo.training",
    "mmdemo.versions.registry",
}

# Room → the rooms it may need besides itself. A room is a module or a package with all that is in it that is no room of
# its own: of values, checks, versions and predictions each module has its own arrows.
MAY_IMPORT: dict[str, set[str]] = {
    **{f"mmdemo.{name}": set() for name in ("bounded_memory", "characters", "hashed_draw", "locale")},
    **{f"mmdemo.process.{name}": set() for name in ("environment", "logs", "memory")},
    "mmdemo.errors": {"mmdemo.characters", "mmdemo.locale"},
    "mmdemo.settings": {"mmdemo.errors"},
    "mmdemo.whole_file": {"mmdemo.errors"},
    "mmdemo.answers": {"mmdemo.errors", "mmdemo.locale"},
    "mmdemo.values.promise": set(),
    "mmdemo.thresholds": {"mmdemo.values.promise"},
    "mmdemo.curves": {"mmdemo.thresholds", "mmdemo.values.history"},
    "mmdemo.values.promise_status": {"mmdemo.locale", "mmdemo.values.promise"},
    "mmdemo.values.live_figures": {"mmdemo.locale"},
    "mmdemo.values.samples": {"mmdemo.answers", "mmdemo.values.promise"},
    "mmdemo.values.layout": {"mmdemo.values.samples"},
    "mmdemo.values.analysis": {"mmdemo.values.samples"},
    "mmdemo.values.history": {"mmdemo.values.review", "mmdemo.values.samples"},
    "mmdemo.values.review": {
        "mmdemo.answers",
        "mmdemo.locale",
        "mmdemo.values.live_figures",
        "mmdemo.values.promise_status",
        "mmdemo.values.samples",
    },
    "mmdemo.values.results": {"mmdemo.values.samples"},
    "mmdemo.map_scale": {"mmdemo.values.layout", "mmdemo.values.samples"},
    "mmdemo.tasks": BASE,
    "mmdemo.decode": INPUT,
    "mmdemo.behaviour": INPUT,
    "mmdemo.checks.language": INPUT,
    "mmdemo.checks.speech": INPUT,
    "mmdemo.checks.out_of_distribution": MODEL,
    "mmdemo.model.batch": INPUT,
    "mmdemo.model": MODEL,
    "mmdemo.versions.temperature_scaling": set(),
    "mmdemo.versions.sidecar": INPUT | {"mmdemo.versions.temperature_scaling"},
    **{f"mmdemo.versions.{name}": BASE for name in ("curves", "local_rules", "shared_layers")},
    "mmdemo.versions.card": KNOWN,
    "mmdemo.versions.registry": MODEL,
    "mmdemo.explain": MODEL,
    "mmdemo.training": MODEL,
    "mmdemo.retrieval": KNOWN,
    "mmdemo.prediction.loading": MODEL | {"mmdemo.explain", "mmdemo.versions.registry"},
    "mmdemo.prediction.thread_shares": set(),
    "mmdemo.prediction.engines": MODEL | {"mmdemo.prediction.loading", "mmdemo.prediction.thread_shares"},
    "mmdemo.prediction.serving": MODEL
    | {"mmdemo.prediction.engines", "mmdemo.prediction.loading", "mmdemo.versions.registry"},
    "mmdemo.prediction.assembly": MODEL | {"mmdemo.prediction.loading"},
    "mmdemo.prediction.batches": MODEL | {"mmdemo.prediction.assembly", "mmdemo.prediction.loading"},
    "mmdemo.prediction.lanes": {"mmdemo.process.environment", "mmdemo.values.analysis", "mmdemo.values.samples"},
    "mmdemo.prediction.predictor": MODEL
    | {
        "mmdemo.explain",
        "mmdemo.prediction.assembly",
        "mmdemo.prediction.batches",
        "mmdemo.prediction.engines",
        "mmdemo.prediction.loading",
        "mmdemo.prediction.serving",
        "mmdemo.prediction.thread_shares",
    },
    "mmdemo.evaluation": MODEL | {"mmdemo.explain", "mmdemo.prediction.predictor"},
    "mmdemo.guard": BASE,
    "mmdemo.ui": INPUT | {"mmdemo.guard"},
    "mmdemo.speed": BELOW_LOOP
    | {"mmdemo.prediction.assembly", "mmdemo.prediction.batches", "mmdemo.prediction.loading"},
    "mmdemo.compression": BELOW_LOOP | {"mmdemo.speed"},
    "mmdemo.commands": BELOW_LOOP | {"mmdemo.compression", "mmdemo.speed"},
    "mmdemo.__main__": BELOW_LOOP | {"mmdemo.commands"},
    "mmdemo": {"mmdemo.prediction.predictor", "mmdemo.process.environment", "mmdemo.values.samples"},
    "annotations": BELOW_LOOP,
    "app": BELOW_LOOP | {"mmdemo.guard", "mmdemo.ui", "annotations"},
}

# Package of others → the rooms that alone may need it.
KEPT_BEHIND = {
    "sqlalchemy": ("annotations.store", "annotations.schema", "annotations.migrations"),
    "alembic": ("annotations.store", "annotations.migrations"),
    "label_studio_sdk": ("annotations.labelstudio",),
    "av": ("mmdemo.decode",),
    **dict.fromkeys(("openvino", "onnxruntime"), ("mmdemo.model.engines",)),
    "gradio": ("mmdemo.ui", "annotations.flagging", "app", "examples"),
}
NEVER_ON_THE_PAGE = {"torch", "torchaudio", "torchvision", "transformers", "sqlalchemy", "label_studio_sdk"}

# Needed by one way of training alone; where it is missing, a sentence says so.
OPTIONAL = {"peft", "optuna", "openvino", "onnxruntime"}

# What is called → the only modules that may: all others ask these.
CALLED_IN = {
    "os.replace": {"mmdemo.whole_file", "mmdemo.versions.registry"},  # which takes folders out of the way
    "os.fsync": {"mmdemo.whole_file"},
    "tempfile.mkstemp": {"mmdemo.whole_file"},
    "tempfile.NamedTemporaryFile": set(),
    # Of these, two need nothing but a lock.
    "FileLock": {"annotations.store.file_lock", "mmdemo.ui.callers.upload_folder", "mmdemo.model.engines.attempts"},
    "int.from_bytes": {"mmdemo.hashed_draw", "mmdemo.decode.jpeg", "mmdemo.decode.pictures"},  # which read files
}

# What may be imported inside a function: slow to import, and not needed by every command that touches the module.
HEAVY = {"torch", "torchaudio", "transformers", "silero_vad", "py3langid", "label_studio_sdk", "gradio", "sklearn"}
HEAVY |= {"captum"} | OPTIONAL  # … or there only where requirements-dev.txt was installed
# … and our own rooms that import such packages, for package roots and commands that must answer without them.
LATE_MODULES = {"app", "mmdemo", "annotations.__main__", "annotations"}

# Module → what must not be loaded with it, however far down: whoever starts it would wait for that each time.
_SLOW = {"sklearn", "gradio", "scipy.ndimage", "scipy.optimize", "scipy.special", "scipy.stats"}
STARTS_WITHOUT = {
    "annotations.__main__": {"torch", "transformers", "label_studio_sdk", *_SLOW},
    "annotations.retrain": {"mmdemo.training.fitting.trainer", "mmdemo.training.fitting.adalora", "peft", "gradio"},
    **dict.fromkeys(("annotations.loop", "mmdemo.prediction.predictor"), _SLOW),
}

RESERVED_IN_ANNOTATIONS = {"queue.py", "select.py", "types.py"}  # they would hide the standard library's


def room(module: str, rooms: Iterable[str] = MAY_IMPORT) -> str | None:
    """Return the room that a module of ours belongs to, None for a package of others."""
    inside = [name for name in rooms if module == name or module.startswith(f"{name}.")]
    return max(inside, key=len, default=None)


def may_wait(module: str) -> bool:
    """Whether a module may put off importing rooms of ours until it needs them."""
    return module in LATE_MODULES or room(module) == "mmdemo.commands"


def forbidden(arrows: Iterable[Import]) -> list[str]:
    """Return a sentence for each arrow that the house doesn't allow."""
    lines = []
    for arrow in arrows:
        here, there = room(arrow.source), room(arrow.target)
        if here and there and here != there and there not in MAY_IMPORT[here]:
            lines.append(f"{arrow.source}:{arrow.line} imports {arrow.target}: {here} may not need {there}")
        keepers = KEPT_BEHIND.get(arrow.target)
        if here and keepers and not arrow.typing_only and not room(arrow.source, keepers):
            lines.append(f"{arrow.source}:{arrow.line} imports {arrow.target}, kept behind {', '.join(keepers)}")
        if here == "mmdemo.ui" and arrow.target in NEVER_ON_THE_PAGE:
            lines.append(f"{arrow.source}:{arrow.line} imports {arrow.target}, which the page never sees")
        if arrow.target == "app":
            lines.append(f"{arrow.source}:{arrow.line} imports app, which nobody may")
    return lines


def brought_along(module: str, arrows: Iterable[Import]) -> set[str]:
    """Return everything that is loaded with a module; what is imported inside functions is not."""
    targets: dict[str, set[str]] = {}
    for arrow in arrows:
        if not arrow.late and not arrow.typing_only:
            targets.setdefault(arrow.source, set()).add(arrow.target)
    loaded, waiting = {module}, [module]
    while waiting:
        name = waiting.pop()
        parents = {name.rpartition(".")[0]} - {""}
        new = (targets.get(name, set()) | parents) - loaded
        loaded |= new
        waiting += new
    return loaded


def too_late(arrows: Iterable[Import]) -> list[str]:
    """Return a sentence for each import inside a function that has no leave to stand there."""
    return [
        f"{arrow.source}:{arrow.line} imports {arrow.target} inside a function"
        for arrow in arrows
        if arrow.late and arrow.target not in HEAVY and not (room(arrow.target) and may_wait(arrow.source))
    ]


def cycle(arrows: Iterable[Import]) -> list[str]:
    """Return the modules of one import cycle, late imports counted, or nothing."""
    graph: dict[str, set[str]] = {}
    for arrow in arrows:
        if not arrow.typing_only and arrow.source != arrow.target and room(arrow.target):
            graph.setdefault(arrow.source, set()).add(arrow.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def arrows() -> list[Import]:
    """Every import of app, mmdemo and annotations."""
    return [arrow for arrow in source_tree.imports(source_tree.modules()) if room(arrow.source)]


def test_every_arrow_points_down(arrows: list[Import]) -> None:
    assert forbidden(arrows) == []


def test_there_is_no_cycle(arrows: list[Import]) -> None:
    assert cycle(arrows) == []


def test_imports_stand_at_the_top_unless_heavy(arrows: list[Import]) -> None:
    assert too_late(arrows) == []


@pytest.mark.parametrize("module", STARTS_WITHOUT)
def test_a_command_starts_without_what_it_does_not_need(module: str, arrows: list[Import]) -> None:
    assert brought_along(module, arrows) & STARTS_WITHOUT[module] == set()


def test_the_check_finds_what_comes_along() -> None:
    sources = {
        "annotations.export": "from annotations.nightly import leftovers\nimport gradio",
        "annotations.nightly": "",
        "annotations.nightly.leftovers": "import scipy.stats\ndef f():\n    import torch",
        "annotations": "",
    }
    loaded = brought_along("annotations.export", source_tree.imports(sources))
    assert {"annotations.nightly", "scipy", "gradio"} < loaded and "torch" not in loaded


def test_one_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = {}
    for module, text in source_tree.modules(
        "app.py", "mmdemo", "annotations", "benchmarks", "examples", "spaces"
    ).items():
        for node in ast.walk(source_tree.parse(text)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_small_machinery_stands_once() -> None:
    callers: dict[str, set[str]] = {call: set() for call in CALLED_IN}
    for module, text in source_tree.modules("app.py", "mmdemo", "annotations").items():
        for node in ast.walk(source_tree.parse(text)):
            if isinstance(node, ast.Call) and (name := ast.unparse(node.func)) in callers:
                callers[name].add(module)
    assert callers == CALLED_IN


def test_nothing_imports_app_and_spaces_is_no_package() -> None:
    everywhere = source_tree.imports(source_tree.modules())
    assert [arrow for arrow in everywhere if arrow.target == "app"] == []
    assert not [path for path in source_tree.tracked() if path.as_posix() == "spaces/__init__.py"]


def test_annotations_hides_no_module_of_the_standard_library() -> None:
    names = {path.name for path in source_tree.tracked() if path.parts[0] == "annotations"}
    assert names & RESERVED_IN_ANNOTATIONS == set()


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ({"mmdemo.tasks": "import annotations.store", "annotations.store": ""}, "tasks may not need annotations"),
        ({"annotations.loop": "from mmdemo.ui import page", "mmdemo.ui.page": ""}, "may not need mmdemo.ui"),
        (
            {
                "mmdemo.training.fit": "from mmdemo.explain.methods import attention",
                "mmdemo.explain.methods.attention": "",
            },
            "may not",
        ),
        ({"mmdemo.ui.page": "import torch"}, "the page never sees"),
        ({"annotations.loop": "from sqlalchemy import select"}, "kept behind"),
        ({"mmdemo.model.fusion": "def f():\n    from app import main", "app": ""}, "which nobody may"),
        (
            {"mmdemo.values.samples": "from ..tasks import Task", "mmdemo.tasks": "", "mmdemo": ""},
            "may not need mmdemo.tasks",
        ),
    ],
)
def test_the_check_finds_a_wrong_arrow(sources: Mapping[str, str], said: str) -> None:
    assert any(said in sentence for sentence in forbidden(source_tree.imports(sources)))


def test_the_check_finds_a_cycle_through_a_late_import() -> None:
    sources = {
        "annotations.acquisition.doubt": "def f():\n    from annotations.nightly import gate",
        "annotations.nightly.gate": "import annotations.acquisition.doubt",
    }
    imports = source_tree.imports(sources)
    assert set(cycle(imports)) == set(sources)
    assert too_late(imports) == ["annotations.acquisition.doubt:2 imports annotations.nightly.gate inside a function"]
