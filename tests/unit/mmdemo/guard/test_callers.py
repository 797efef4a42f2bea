"""Who a caller is: the peer, or whom a trusted proxy forwards; nobody's word about themselves."""

import pytest
from starlette.datastructures import Headers

from mmdemo.guard.callers import Callers
from mmdemo.settings import Settings

PROXIED = Callers.of(Settings(trusted_proxies="127.0.0.1, 10.0.0.0/8"), {})
DIRECT = Callers.of(Settings(), {})
SPACE = Callers.of(Settings(), {"SPACE_ID": "me/demo"})


def forwarded(value: str) -> dict[str, str]:
    return {"X-Forwarded-For": value}


@pytest.mark.parametrize("peer", ["203.0.113.7", "127.0.0.1"])
def test_without_a_trusted_proxy_the_peer_calls_whatever_it_says(peer: str) -> None:
    assert DIRECT.caller(forwarded("198.51.100.1"), peer) == peer
    assert DIRECT.caller({}, peer) == peer


def test_a_stranger_is_not_believed_where_proxies_are_trusted() -> None:
    assert PROXIED.caller(forwarded("198.51.100.1"), "203.0.113.7") == "203.0.113.7"


@pytest.mark.parametrize(
    ("value", "caller"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the caller had written 6.6.6.6 itself
        ("6.6.6.6, 198.51.100.1, 10.3.2.1", "198.51.100.1"),  # two proxies, one behind the other
        ("10.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("198.51.100.1:5123", "198.51.100.1"),
        ("[2001:db8:1:2:3::4]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:9::9", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, unknown", "127.0.0.1"),
        ("", "127.0.0.1"),
        (" , ,", "127.0.0.1"),
        ("10.0.0.2", "10.0.0.2"),
    ],
)
def test_a_trusted_proxy_is_believed_from_the_right(value: str, caller: str) -> None:
    assert PROXIED.caller(forwarded(value), "127.0.0.1") == caller


def test_a_header_that_stands_twice_is_one_list() -> None:
    lines = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"198.51.100.1")]
    assert PROXIED.caller(Headers(raw=lines), "127.0.0.1") == "198.51.100.1"
    assert PROXIED.of_scope({"client": ("127.0.0.1", 5), "headers": lines}) == "198.51.100.1"


def test_on_a_space_the_hubs_proxy_is_trusted_unless_others_are_named() -> None:
    assert SPACE.caller(forwarded("6.6.6.6, 198.51.100.1, 10.16.4.2"), "10.16.31.9") == "198.51.100.1"
    assert SPACE.caller(forwarded("198.51.100.1"), "203.0.113.7") == "203.0.113.7"
    named = Callers.of(Settings(trusted_proxies="192.0.2.1"), {"SPACE_ID": "me/demo"})
    assert named.caller(forwarded("198.51.100.1"), "10.16.31.9") == "10.16.31.9"
    assert (SPACE.is_proxy("10.16.31.9"), SPACE.is_proxy("203.0.113.7"), DIRECT.is_proxy("10.16.31.9")) == (1, 0, 0)


def test_all_of_one_ipv6_network_are_one_caller_and_loopback_is_itself() -> None:
    assert DIRECT.caller({}, "2001:db8:1:2::1") == DIRECT.caller({}, "2001:db8:1:2:ffff::1%eth0")
    assert DIRECT.caller({}, "::1") == "::1"


def test_a_peer_without_an_address_keeps_its_name() -> None:
    assert PROXIED.caller(forwarded("198.51.100.1"), "testclient") == "testclient"
    assert PROXIED.of_scope({"client": None, "headers": []}) == ""
