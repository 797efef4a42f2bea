"""Who may see the queue, correct, and train: on loopback whoever sits there, elsewhere who knows MMDEMO_REVIEW_KEY."""

import hmac
import ipaddress
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from mmdemo.errors import NotAllowed
from mmdemo.review import QUEUED, SENT, Status
from mmdemo.settings import Settings

WAITING = (QUEUED, SENT)  # for a person, here or in Label Studio
KEY_HEADER = "x-review-key"
# Present where a proxy on this host passes on what comes from beyond it.
PROXY_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
WRONG_KEY_S = 0.5  # what a wrong guess costs whoever guesses
NOT_ON_LOOPBACK = ("SPACE_ID", "GRADIO_SHARE")  # variables that put a page on loopback before the public


def admit(settings: Settings, headers: Mapping[str, str], typed_key: str = "") -> None:
    """Do as `check`, and make a wrong key wait. Raises NotAllowed."""
    try:
        check(settings, headers, typed_key)
    except NotAllowed as error:
        if error.key == "review_key_wrong":
            time.sleep(WRONG_KEY_S)
        raise


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
        sent = _header(headers, KEY_HEADER).encode("latin-1", "replace")  # as bytes stand in HTTP
        _check_key(wanted, [typed_key.strip().encode(), sent.strip()])
    elif beyond_loopback(settings, headers, os.environ if environment is None else environment):
        raise NotAllowed("review_closed")
    else:
        _check_same_machine(headers)


def is_reviewer(settings: Settings, headers: Mapping[str, str], typed_key: str = "") -> bool:
    """Tell whether `admit` lets the caller in."""
    try:
        admit(settings, headers, typed_key)
    except NotAllowed:
        return False
    return True


def for_strangers(status: Status) -> Status:
    """Return what everybody may see of a status: of the queue the number waiting, of corrections none."""
    waiting = {state: status.states.get(state, 0) for state in WAITING}
    run = status.last_retrain
    if run is not None and run.state == "failed":
        run = replace(run, reasons=(), why=())  # they hold what the log said, paths included
    hidden: dict[str, Any] = {"by_label": {}, "by_annotator": {}, "answered_today": 0, "wrong_reason": 0}
    return replace(status, states=waiting, last_retrain=run, **hidden)


def beyond_loopback(settings: Settings, headers: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Tell whether this request may come from another machine."""
    if not is_loopback(settings.server_name):
        return True
    if any(environment.get(name, "").lower() not in ("", "0", "false") for name in NOT_ON_LOOPBACK):
        return True
    return any(_header(headers, name) for name in PROXY_HEADERS)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address, without a port, means this machine to every browser."""
    name = host.strip().strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _check_key(wanted: bytes, given: list[bytes]) -> None:
    if not any(hmac.compare_digest(wanted, key) for key in given):
        raise NotAllowed("review_key_wrong" if any(given) else "review_key_needed")


def _check_same_machine(headers: Mapping[str, str]) -> None:
    # A web page elsewhere can make its visitor's browser send requests to loopback: by a name of its own that it
    # points there (seen in Host), or plainly across sites (seen in Origin).
    host, origin = _header(headers, "host"), _header(headers, "origin")
    for given in ["//" + host, *([origin] if origin else [])]:
        if not is_loopback(_host_of(given)):
            raise NotAllowed("review_other_site", host=given.lstrip("/"))


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # such as an unclosed bracket
        return ""


def _header(headers: Mapping[str, str], name: str) -> str:
    # Starlette's headers ignore case, a plain dict of them doesn't.
    return next((value for given, value in headers.items() if given.lower() == name), "")
