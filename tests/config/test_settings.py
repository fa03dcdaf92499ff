"""config/settings.py and manage.py: an operator's mistake is named in a sentence, and nothing starts."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]


def settings_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """The settings as the program would read them from these variables, in production unless they say otherwise."""
    for name in ("DEBUG", "HTTPS", "DATABASE_URL", "LEDGER_SEAL_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "config" / "settings.py"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("DEBUG", "vielleicht"),
        ("HTTPS", "yess"),
        ("TRUSTED_PROXY_COUNT", "one"),
        ("TRUSTED_PROXY_COUNT", "-1"),
        ("CONN_MAX_AGE", "1m"),
        ("LOG_LEVEL", "loud"),
        ("DATABASE_URL", "postgres://a:b@c:543a/d"),
        ("DATABASE_URL", "postgres://a:b@c:5432"),
        ("DATABASE_URL", "mysql://a:b@c/d"),
        ("DATABASE_URL", "127.0.0.1"),
        ("ENV_FILE", "/nowhere/.env.owner"),
    ],
)
def test_a_variable_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        settings_of(monkeypatch, **{name: value})


@pytest.mark.parametrize("content", [None, b"SECRET_KEY=\xff"], ids=["a folder", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    """Otherwise its first variable would be called missing, and somebody might make a new SECRET_KEY."""
    file = tmp_path if content is None else tmp_path / "env"
    if content:
        file.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=f"{file} cannot be read"):
        settings_of(monkeypatch, ENV_FILE=str(file))


def test_what_is_left_empty_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a copy of .env.example has it that was filled in by halves."""
    found = settings_of(monkeypatch, DEBUG="", HTTPS="", CONN_MAX_AGE="", TRUSTED_PROXY_COUNT="", LEDGER_SEAL_KEY="")
    names = ("DEBUG", "HTTPS", "TRUSTED_PROXY_COUNT", "LEDGER_SEAL_KEY")
    assert [found[name] for name in names] == [False, True, 0, f"seal of {found['SECRET_KEY']}"]
    assert found["DATABASES"]["default"]["CONN_MAX_AGE"] == 600


def test_a_ledger_on_a_server_has_no_key_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch, DATABASE_URL="postgres://a@b/c", LEDGER_SEAL_KEY="")["LEDGER_SEAL_KEY"] == ""


@pytest.mark.parametrize(("value", "expected"), [("on", True), ("True", True), ("0", False), ("OFF", False)])
def test_on_and_off_in_their_usual_words(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    assert settings_of(monkeypatch, HTTPS=value)["HTTPS"] is expected


def test_a_blank_after_a_comma_is_no_part_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch, ALLOWED_HOSTS="a.cn, b.cn")["ALLOWED_HOSTS"] == ["a.cn", "b.cn"]


def test_levels_of_the_log_in_small_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_of(monkeypatch, LOG_LEVEL="warning")["LOGGING"]["root"]["level"] == "WARNING"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"SECRET_KEY": ""}, "ImproperlyConfigured: SECRET_KEY is not set"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}, "OperationalError: connection to server"),
    ],
)
def test_a_command_says_it_in_a_sentence_and_shows_where_when_asked(wrong: dict[str, str], said: str) -> None:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", "migrate", *arguments], cwd=ROOT, env=os.environ | wrong, text=True,
            capture_output=True, check=False,
        )  # fmt: skip

    found = run()
    assert found.returncode == 2
    assert found.stderr.startswith(said)
    assert "Traceback" not in found.stderr
    assert "Traceback" in run("--traceback").stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"SECRET_KEY": ""},
        {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "LEDGER_SEAL_KEY": ""},  # found by a system check
        {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "DEBUG": "on"},
    ],
    ids=["no key", "no key to seal with", "no server"],
)
def test_a_ledger_that_could_not_be_checked_is_not_called_wrong(wrong: dict[str, str]) -> None:
    """1 is what verify_ledger says of a ledger; whoever is called by it must not be called by a typing error."""
    done = subprocess.run(
        [sys.executable, "manage.py", "verify_ledger"], cwd=ROOT, text=True, capture_output=True, check=False,
        env=os.environ | {"DEBUG": "off", "COURIER_KEYS": "", "COURIER_INDEX_KEY": ""} | wrong,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "Traceback" not in done.stderr


def test_who_reads_no_further_ends_a_command_without_a_word() -> None:
    """As `manage.py export_stations … | head` does."""
    with subprocess.Popen(
        [sys.executable, "manage.py", "diffsettings", "--all"], cwd=ROOT, env=os.environ | {"SECRET_KEY": "x"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
    assert running.returncode == 1
