"""Who may see the queue, correct, and train: on loopback whoever sits there, elsewhere who knows MMDEMO_REVIEW_KEY."""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from mmdemo.errors import ManifestError, NotAllowed
from mmdemo.guard.callers import Callers
from mmdemo.process.environment import is_loopback
from mmdemo.settings import Settings
from mmdemo.ui.callers.key_guesses import Guesses
from mmdemo.values.review import WAITING, RunState, Status, for_everybody

KEY_HEADER = "x-review-key"
# Present where a proxy on this host passes on what comes from beyond it.
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
KEY_CHARS = 12  # of the shortest review key
NOT_ON_LOOPBACK = ("SPACE_ID", "GRADIO_SHARE")  # variables that put a page on loopback before the public


@dataclass(frozen=True)
class Door:
    """Lets reviewers in, and remembers who tried to guess the key. Threads may share it."""

    settings: Settings
    callers: Callers
    guesses: Guesses

    @classmethod
    def of(cls, settings: Settings) -> "Door":
        """Return the door to a page with these settings; all its parts share one."""
        return cls(settings, Callers.of(settings), Guesses(settings))

    @property
    def has_key(self) -> bool:
        """Whether there is a review key that could be typed."""
        return bool(self.settings.review_key.strip())

    def admit(self, request: Any, typed_key: str = "") -> None:
        """Return if the caller is a reviewer, by what it sent or by what was typed into the page. Raises NotAllowed."""
        caller, key = self.callers.of_request(request), key_of(request.headers, typed_key)
        if self.has_key and key:
            self.guesses.check(caller)
        try:
            check(self.settings, request.headers, typed_key)
        except NotAllowed as error:
            if error.key == "review_key_wrong":
                self.guesses.wrong(caller, key)
            raise

    def is_reviewer(self, request: Any, typed_key: str = "") -> bool:
        """Tell whether `admit` lets the caller in."""
        try:
            self.admit(request, typed_key)
        except NotAllowed:
            return False
        return True


def check_length(settings: Settings) -> None:
    """Return if the review key, where there is one, is none that somebody guesses. Raises ManifestError."""
    chars = len(settings.review_key.strip())
    if 0 < chars < KEY_CHARS:
        raise ManifestError("review_key_short", chars=chars, least=KEY_CHARS)


def key_of(headers: Mapping[str, str], typed_key: str = "") -> bytes:
    """Return what a caller gives as the review key, by the page or by a header; empty for nothing."""
    return b"\n".join(filter(None, _sent_keys(headers, typed_key)))


def check(
    settings: Settings,
    headers: Mapping[str, str],
    typed_key: str = "",
    environment: Mapping[str, str] | None = None,
) -> None:
    """Return if the caller is a reviewer; `environment` replaces os.environ. Raises NotAllowed with the reason.

    `headers` are those of the request, `typed_key` is what was typed into the page.
    """
    wanted = settings.review_key.strip().encode()
    if wanted:
        keys = _sent_keys(headers, typed_key)
        if not any(hmac.compare_digest(wanted, key) for key in keys):
            raise NotAllowed("review_key_wrong" if any(keys) else "review_key_needed")
    elif beyond_loopback(settings, headers, os.environ if environment is None else environment):
        raise NotAllowed("review_closed")
    else:
        _check_same_machine(headers)


def for_strangers(status: Status) -> Status:
    """Return what everybody may see of a status: of the queue the number waiting, of corrections none."""
    waiting = {state.value: status.states.get(state, 0) for state in WAITING}
    run = status.last_retrain
    if run is not None and run.state == RunState.FAILED:
        run = replace(run, reasons=(), why=())  # they hold what the log said, paths included
    elif run is not None:
        why = for_everybody(run.why)
        run = replace(run, reasons=tuple(reason.sentence() for reason in why), why=why)
    hidden: dict[str, Any] = {"by_label": {}, "by_annotator": {}, "answered_today": 0, "wrong_reason": 0, "notices": ()}
    hidden["runtime"] = None  # why a runtime failed may name files
    return replace(status, states=waiting, last_retrain=run, **hidden)


def beyond_loopback(settings: Settings, headers: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Tell whether this request may come from another machine."""
    if not is_loopback(settings.server_name):
        return True
    if any(environment.get(name, "").lower() not in ("", "0", "false") for name in NOT_ON_LOOPBACK):
        return True
    return any(_header(headers, name) for name in PROXY_HEADERS)


def _sent_keys(headers: Mapping[str, str], typed_key: str) -> list[bytes]:
    sent = _header(headers, KEY_HEADER).encode("latin-1", "replace")  # as bytes stand in HTTP
    return [typed_key.strip().encode("utf-8", "replace"), sent.strip()]


def _check_same_machine(headers: Mapping[str, str]) -> None:
    # A web page elsewhere can make its visitor's browser send requests to loopback: by a name of its own that it
    # points there (seen in Host), or plainly across sites (seen in Origin).
    host, origin = _header(headers, "host"), _header(headers, "origin")
    for address in ["//" + host, *([origin] if origin else [])]:
        if not is_loopback(_host_of(address)):
            raise NotAllowed("review_other_site", host=address.lstrip("/"))


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # such as an unclosed bracket
        return ""


def _header(headers: Mapping[str, str], name: str) -> str:
    # Starlette's headers ignore case, a plain dict of them doesn't.
    return next((value for header, value in headers.items() if header.lower() == name), "")
