"""Every setting, read from the environment and `.env`. Reading has no side effect: no folder is made."""

import ipaddress
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from mmdemo.errors import ManifestError

ROOT = Path(__file__).resolve().parent.parent  # the folder of app.py, or of the installed packages
ASK, UNLESS_DECLINED = "ask", "unless_declined"  # of MMDEMO_KEEP_DOUBTFUL
TORCH, AUTO = "torch", "auto"  # of MMDEMO_RUNTIME: PyTorch; what is fastest where it is no worse
PRIVATE = "private"  # of MMDEMO_TRUSTED_PROXIES: every address of a private network, and of this machine
_BESIDE = ("app.py", "requirements.txt")  # what stands beside the packages in a clone, and in a Space


OWN_SERVER = Path("label-studio/access.json")  # in the home folder: a server that was started from here


def in_clone() -> bool:
    """Tell whether this is the repository, or what was gathered from it, and not an installed package."""
    return all((ROOT / name).is_file() for name in _BESIDE)


def _base() -> Path:
    """Return where `.env` and `data` stand: beside app.py, else in the user's folder for the data of programs."""
    if in_clone():
        return ROOT
    return Path(os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")) / "mmdemo"


def _setting(
    variable: str, default: Any, unit: str, meaning: str, secret: bool = False, choices: tuple[str, ...] = ()
) -> Any:
    metadata = {"variable": variable, "unit": unit, "meaning": meaning, "secret": secret, "choices": choices}
    return dataclass_field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """What can be set from outside; the environment wins over `.env`."""

    home: Path = _setting(
        "MMDEMO_HOME", _base() / "data", "folder", "everything that is kept: database, media, versions"
    )
    database_url: str = _setting("MMDEMO_DATABASE_URL", "", "URL", "database; empty: SQLite in the home folder")
    task_dir: Path | None = _setting("MMDEMO_TASK_DIR", None, "folder", "task files beside the shipped ones")
    profile: str = _setting(
        "MMDEMO_PROFILE", "", "name", "which [profiles.…] of its file a task is trained with; empty: none"
    )
    runtime: str = _setting(
        "MMDEMO_RUNTIME",
        AUTO,
        "choice",
        "computes the encoders of answers: torch, openvino, onnxruntime; auto: the page takes openvino where it gains",
        choices=(AUTO, TORCH, "openvino", "onnxruntime"),
    )
    review_key: str = _setting("MMDEMO_REVIEW_KEY", "", "text", "what reviewers type once in the page", secret=True)
    keep_doubtful: str = _setting(
        "MMDEMO_KEEP_DOUBTFUL",
        ASK,
        "choice",
        "doubtful samples of the page are kept where their visitor says yes (ask), or unless_declined",
        choices=(ASK, UNLESS_DECLINED),
    )
    retention_days: int = _setting(
        "MMDEMO_RETENTION_DAYS", 365, "days", "unanswered samples are erased after; 0: never"
    )
    deciding_reviewers: str = _setting(
        "MMDEMO_DECIDING_REVIEWERS",
        "",
        "names",
        "of annotators whose answers count before the majority's: as they stand beside their answers, with commas",
    )
    rejected_versions: int = _setting(
        "MMDEMO_REJECTED_VERSIONS", 5, "versions", "of a task, that a training made and the gate did not promote, stay"
    )
    label_studio_url: str = _setting("LABEL_STUDIO_URL", "", "URL", "Label Studio server; set with its key")
    label_studio_api_key: str = _setting("LABEL_STUDIO_API_KEY", "", "text", "its access token", secret=True)
    label_studio_media: Path | None = _setting(
        "MMDEMO_LABEL_STUDIO_MEDIA", None, "folder", "its media folder, where this machine can erase files in it"
    )
    source_url: str = _setting(
        "MMDEMO_SOURCE_URL", "", "URL", "where the page says this program's source is; empty: it hands out its own"
    )
    trusted_proxies: str = _setting(
        "MMDEMO_TRUSTED_PROXIES",
        "",
        "networks",
        "proxies that say in X-Forwarded-For who asks: addresses or networks, with commas; or private",
    )
    max_connections: int = _setting("MMDEMO_MAX_CONNECTIONS", 1280, "connections", "open at once, of all callers")
    max_connections_each: int = _setting(
        "MMDEMO_MAX_CONNECTIONS_EACH",
        320,
        "connections",
        "open at once, of one caller; requests too; a visitor needs three, hundreds behind one address need more",
    )
    max_requests_per_s: int = _setting(
        "MMDEMO_MAX_REQUESTS_PER_S", 200, "requests", "of one caller a second; the page itself counts as twenty"
    )
    max_wait_s: int = _setting(
        "MMDEMO_MAX_WAIT_S", 20, "seconds", "for a request's head, the next piece of its body, or a reader who stopped"
    )
    max_json_kb: int = _setting("MMDEMO_MAX_JSON_KB", 256, "KB", "of a request that is no upload")
    max_uploads_mb: int = _setting(
        "MMDEMO_MAX_UPLOADS_MB",
        2048,
        "MB",
        "uploads that lie there at once; a quarter from one caller",
    )
    line_places: int = _setting("MMDEMO_LINE_PLACES", 256, "calls", "that may wait in one line; more are refused")
    line_share: int = _setting(
        "MMDEMO_LINE_SHARE", 4, "calls", "of one caller that may wait in a line of which half is taken"
    )
    unread_mb: int = _setting("MMDEMO_UNREAD_MB", 128, "MB", "answers that nobody reads, in all; an eighth a caller")
    unread_s: int = _setting("MMDEMO_UNREAD_S", 60, "seconds", "after which what nobody reads is dropped")
    wrong_keys: int = _setting("MMDEMO_WRONG_KEYS", 5, "keys", "wrong ones in a row that lock a caller out; 0: never")
    locked_s: int = _setting(
        "MMDEMO_LOCKED_S", 60, "seconds", "that a caller is locked out, twice as long each further time, a day at most"
    )
    kept_per_hour: int = _setting(
        "MMDEMO_KEPT_PER_HOUR", 240, "samples", "that one caller may have kept in an hour; 0: any number"
    )
    kept_mb_per_hour: int = _setting(
        "MMDEMO_KEPT_MB_PER_HOUR", 200, "MB", "that one caller may have kept in an hour; 0: any number"
    )
    unanswered_mb: int = _setting(
        "MMDEMO_UNANSWERED_MB", 4_000, "MB", "of kept samples that nobody answered yet, in all; 0: any number"
    )
    server_name: str = _setting("GRADIO_SERVER_NAME", "127.0.0.1", "address", "where the page listens")
    server_port: int = _setting("GRADIO_SERVER_PORT", 7860, "port", "where the page listens")

    @property
    def versions(self) -> Path:
        """The folder of model versions, a folder a task."""
        return self.home / "versions"

    @property
    def media(self) -> Path:
        """The folder of stored pictures and sounds."""
        return self.home / "media"

    @property
    def engines(self) -> Path:
        """The folder of encoders as other runtimes than PyTorch compute them, a folder a runtime."""
        return self.home / "engines"

    @property
    def tokens(self) -> Path:
        """The folder of what encoders made of samples for a retraining run, a folder a task."""
        return self.home / "tokens"


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process; `environment` replaces os.environ and `.env`. Raises ManifestError."""
    if environment is None:
        environment = {**{k: v for k, v in dotenv_values(_base() / ".env").items() if v is not None}, **os.environ}
    values = {
        f.name: environment[f.metadata["variable"]] for f in fields(Settings) if f.metadata["variable"] in environment
    }
    settings = Settings(**{name: _convert(name, value) for name, value in values.items() if value != ""})
    if settings.label_studio_url or settings.label_studio_api_key:
        return settings
    return replace(settings, **_own_server(settings))


def _own_server(settings: Settings) -> dict[str, Any]:
    """Return how to reach the Label Studio server that was started from here, nothing where there is none."""
    try:
        access = json.loads((settings.home / OWN_SERVER).read_text("utf-8"))
        media = settings.label_studio_media or Path(access["media"])
        server = {"label_studio_url": str(access["url"]), "label_studio_api_key": str(access["key"])}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
    return {**server, "label_studio_media": media}


def _convert(name: str, value: str) -> Any:
    field = next(f for f in fields(Settings) if f.name == name)
    if name in ("home", "task_dir", "label_studio_media"):
        return Path(value).expanduser().resolve()
    if name == "trusted_proxies":
        return _networks(field.metadata["variable"], value)
    if isinstance(field.default, int):
        if not value.strip().isdecimal():
            raise ManifestError("setting_not_a_number", variable=field.metadata["variable"], value=value)
        return int(value)
    if field.metadata["choices"]:
        return _choice(field.metadata["variable"], value, field.metadata["choices"])
    return value


def _choice(variable: str, value: str, choices: tuple[str, ...]) -> str:
    if value.strip() not in choices:
        raise ManifestError("setting_not_a_choice", variable=variable, value=value, known=", ".join(choices))
    return value.strip()


def _networks(variable: str, value: str) -> str:
    for name in (part.strip() for part in value.split(",")):
        try:
            if name not in ("", PRIVATE):
                ipaddress.ip_network(name)
        except ValueError as error:
            raise ManifestError("setting_not_networks", variable=variable, value=name) from error
    return value
