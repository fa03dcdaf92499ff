"""`make demo` says in a sentence what is wrong with a port, before it prepares anything."""

import socket

import pytest

from tools.demo import why_not


@pytest.mark.parametrize("port", ["", "abc", "0", "-1", "65536", "99999999999", "80.5"])
def test_what_is_no_port_is_named_with_what_to_type(port: str) -> None:
    assert why_not(port) == f"PORT={port} is no number from 1 to 65535. Type for example: make demo PORT=8001"


def test_a_port_in_use_is_named_with_the_next_and_a_free_one_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert f"Port {port} is in use" in why_not(str(port))
    assert why_not(str(port)) == ""
