"""Which address counts: the header is trusted only as far as our own proxies wrote it."""

from typing import Any

from django.test import RequestFactory

from core.addresses import address_key, client_address


def address(settings: Any, *, proxies: int, forwarded: str | None = None) -> str:
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return client_address(RequestFactory(REMOTE_ADDR="10.0.0.1").get("/", headers=headers))


def test_without_proxies_the_header_is_not_believed(settings: Any) -> None:
    assert address(settings, proxies=0, forwarded="1.1.1.1") == "10.0.0.1"


def test_behind_one_proxy_the_last_entry_counts_and_what_the_caller_wrote_does_not(settings: Any) -> None:
    assert address(settings, proxies=1, forwarded="6.6.6.6, 2.2.2.2") == "2.2.2.2"
    assert address(settings, proxies=2, forwarded="6.6.6.6, 2.2.2.2, 10.0.0.9") == "2.2.2.2"


def test_a_header_that_is_too_short_or_missing_leaves_the_connection(settings: Any) -> None:
    assert address(settings, proxies=2, forwarded="2.2.2.2") == "10.0.0.1"
    assert address(settings, proxies=1) == "10.0.0.1"


def test_the_counters_key_tells_addresses_apart_and_names_none() -> None:
    one, other = (address_key(RequestFactory(REMOTE_ADDR=where).get("/")) for where in ("1.1.1.1", "2.2.2.2"))
    assert one != other
    assert "1.1.1.1" not in one


def key(where: str) -> str:
    return address_key(RequestFactory(REMOTE_ADDR=where).get("/"))


def test_one_connections_ipv6_addresses_are_counted_as_one_however_they_are_written() -> None:
    assert len({key(where) for where in ("2408:8440:1:2::1", "2408:8440:1:2:ffff::9", "2408:8440:0001:2::AB")}) == 1
    assert key("2408:8440:1:3::1") != key("2408:8440:1:2::1")
    # A server that listens to both says so of who comes by IPv4.
    assert key("::ffff:1.1.1.1") == key("1.1.1.1") != key("::ffff:2.2.2.2")


def test_what_is_no_address_is_counted_as_it_is() -> None:
    assert key("") != key("unix:")
