"""The quick start does what it says: its commands are run by a shell against a live server with the demo's data, and the
output printed under each command is compared with the real one.

One page is run with curl, the other with a stand-in (curl.py), which replaces curl on machines without it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from core import clock
from couriers import demo as demo_couriers
from partners import demo
from points import demo as demo_points
from points import verifying
from points.models import Redemption
from stations import finding
from stations.demo import seeding
from stations.models import Confirmation, Station

PAGES = ("docs/api-quickstart.md", "docs/api-quickstart.zh-Hans.md")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_END_OF_ONE = "---- the end of one command ----"
_ADDRESS = "http://127.0.0.1:8000/"


def steps(page: str) -> list[tuple[str, str, str]]:
    """(command, kind of what is expected, what is expected), in the order of the page."""
    blocks = _BLOCK.findall((settings.BASE_DIR / page).read_text(encoding="utf-8"))
    return [
        (text, *blocks[number + 1]) for number, (kind, text) in enumerate(blocks) if kind == "sh"
    ]  # fmt: skip


def is_like(found: Any, expected: Any) -> bool:
    """Whether `found` says at least what `expected` does; … stands for anything."""
    match expected:
        case "…":
            return True
        case dict():
            return isinstance(found, dict) and all(
                name in found and is_like(found[name], each) for name, each in expected.items()
            )
        case list():
            return (
                isinstance(found, list)
                and all(is_like(*pair) for pair in zip(found, expected, strict=False))
                and len(found) >= len(expected)
            )
        case _:
            return bool(found == expected)


@pytest.fixture
def demo_server(transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[str]:  # noqa: ARG001
    """The address of a server with what `make demo` has; the working folder holds the sandbox key."""
    settings.VAR_DIR = tmp_path / "var"
    finding.forget_names()
    now = clock.now()
    seeding.seed(at=now)
    demo_couriers.seed(at=now)
    demo_points.seed(at=now)
    demo.keep(at=now)
    server = LiveServer("127.0.0.1")
    yield server.url + "/"
    server.stop()
    finding.forget_names()


def with_stand_in(folder: Path) -> str:
    """A PATH on which `curl` is the stand-in."""
    program = folder / "bin" / "curl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).with_name("curl.py")}" "$@"\n')
    program.chmod(0o755)
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"


def answers(page: str, server: str, folder: Path, path: str) -> list[str]:
    """Run the commands of a page in one shell, as a reader does, and give what each of them said."""
    script = "set -eu\n" + "".join(f"{command}\necho\necho '{_END_OF_ONE}'\n" for command, *_rest in steps(page))
    ran = subprocess.run(
        ["/bin/sh", "-c", script.replace(_ADDRESS, server)],
        cwd=folder, env={"PATH": path, "LC_ALL": "C.UTF-8", "NO_PROXY": "*"}, capture_output=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr.decode()
    return ran.stdout.decode().split(_END_OF_ONE)[:-1]


def test_both_pages_say_the_same_commands() -> None:
    def said(page: str) -> list[tuple[str, str, str]]:
        # Each page has a courier, deeds and keys of its own, so that the second is no repetition of the first.
        own = re.compile(r"(?<=2[de]0)\d|courier 7|骑手7号|(?<=Accept-Language: )[\w-]+|(?<=321)\d|(?<=2026-00)\d\d")
        return [(own.sub("", command), kind, own.sub("", expected)) for command, kind, expected in steps(page)]

    assert said(PAGES[0]) == said(PAGES[1])
    assert len(said(PAGES[0])) >= 14


def test_every_command_of_the_quick_start_does_what_it_says(demo_server: str, tmp_path: Path) -> None:
    real = os.environ["PATH"] if shutil.which("curl") else None
    stand_in = with_stand_in(tmp_path)
    for page, path in zip(PAGES, (stand_in, real or stand_in), strict=True):
        said = answers(page, demo_server, tmp_path, path)
        assert len(said) == len(steps(page))
        for answer, (command, kind, expected) in zip(said, steps(page), strict=True):
            if kind == "json":
                assert is_like(json.loads(answer), json.loads(expected)), f"{page}: {command}\n{answer}"
            else:
                assert expected.strip() in answer, f"{page}: {command}\n{answer}"
    station = Station.objects.get(code="WH-WC-0004")
    # One confirmation for each page, whatever was sent twice.
    assert Confirmation.objects.filter(station=station, confirmed_at__gte=clock.now().replace(second=0)).count() <= 2
    assert station.confirmed_at is not None
    # A gift was handed out to the courier of each page.
    given = Redemption.objects.filter(ordered__actor_name="partner demo-sandbox")
    assert [*given.values_list("status", "gift__code")] == [("handed-over", "wc-hand-soap")] * len(PAGES)
    assert list(verifying.broken_invariants()) == []
    assert (clock.now() - station.confirmed_at).total_seconds() < 600


@pytest.mark.parametrize(
    ("found", "expected", "like"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": "…"}, True),
        ({}, {"a": "…"}, False),
        ({"a": [1, 2]}, {"a": [1]}, True),
        ({"a": []}, {"a": ["…"]}, False),
        ({"a": True}, {"a": False}, False),
    ],
)
def test_what_is_expected_is_compared_and_not_just_there(found: Any, expected: Any, like: bool) -> None:
    assert is_like(found, expected) is like
