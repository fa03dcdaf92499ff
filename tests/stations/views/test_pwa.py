"""Manifest, service worker and offline page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client
from PIL import Image


def worker_settings(client: Client) -> dict[str, Any]:
    """What the first line of the worker tells it."""
    first, _, _ = client.get("/sw.js").content.decode().partition("\n")
    known: dict[str, Any] = json.loads(first.removeprefix("const SETTINGS = ").removesuffix(";"))
    return known


SCRIPTS = sorted((Path(settings.BASE_DIR) / "static" / "js").glob("*.js"))


def test_the_worker_rules_the_whole_site_and_is_asked_for_anew(client: Client) -> None:
    response = client.get("/sw.js")
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert response.headers["Service-Worker-Allowed"] == "/"
    assert "no-cache" in response.headers["Cache-Control"]


def test_the_worker_knows_files_that_exist_and_what_never_to_keep(client: Client) -> None:
    known = worker_settings(client)
    assert known["files"]
    for address in known["files"]:
        assert finders.find(address.removeprefix("/static/")), address
    assert {"/admin/", "/api/", "/c/", "/d/", "/me/"} <= set(known["never"])
    assert client.get(known["offline"]).status_code == 200


def test_static_files_are_found_by_their_hashed_names_and_a_change_renews_the_worker(
    client: Client, settings: Any, tmp_path: Path
) -> None:
    """As production serves them; a file that one of them names and that is missing stops collectstatic."""
    backend = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": backend}
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    known = worker_settings(client)
    assert known["version"] == json.loads((tmp_path / "staticfiles.json").read_text(encoding="utf-8"))["hash"]
    for address in known["files"]:
        assert re.search(r"\.[0-9a-f]{12}\.", address)
        assert (tmp_path / address.removeprefix("/static/")).exists()
    assert list((tmp_path / "vendor" / "leaflet").glob("leaflet.*.js.gz"))


def test_the_worker_is_short() -> None:
    assert len(Path(settings.BASE_DIR, "static/js/service_worker.js").read_text(encoding="utf-8").splitlines()) <= 80


@pytest.mark.parametrize(("language", "name"), [("zh-hans", "江城蜂巢"), ("en", "Fengchao")])
def test_the_manifest_speaks_the_language_of_the_page(client: Client, language: str, name: str) -> None:
    response = client.get("/manifest.webmanifest", headers={"accept-language": language})
    assert response.headers["Content-Type"] == "application/manifest+json"
    manifest = response.json()
    assert manifest["short_name"] == name
    assert manifest["start_url"] == manifest["scope"] == "/"
    assert "Cookie" in response.headers["Vary"]


def test_the_icons_are_there_in_the_sizes_they_claim(client: Client) -> None:
    icons = client.get("/manifest.webmanifest").json()["icons"]
    assert {icon.get("purpose") for icon in icons} == {None, "maskable"}
    for icon in icons:
        path = finders.find(icon["src"].removeprefix("/static/"))
        assert isinstance(path, str)
        if icon["type"] == "image/png":
            with Image.open(path) as image:
                assert "x".join(map(str, image.size)) == icon["sizes"]


# What Chrome 57 and iOS 11 do not parse: optional chaining, ?? and ??=, object spread, class fields, optional catch.
NEWER_SYNTAX = re.compile(
    r"\?\.[A-Za-z_(\[]|\?\?|\{\s*\.\.\.|,\s*\.\.\.\w+\s*\}|catch\s*\{|^\s*(static|#\w+)\s", re.MULTILINE
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_keep_to_what_old_webviews_understand(script: Path) -> None:
    source = re.sub(r"^\s*//.*$", "", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not NEWER_SYNTAX.search(source)
    assert not re.search(r"\beval\(|new Function|innerHTML\s*=|insertAdjacentHTML|\.style\b", source)


def test_what_the_scripts_say_is_all_written_down() -> None:
    texts = Path(settings.BASE_DIR, "templates/stations/_script_texts.html").read_text(encoding="utf-8")
    given = set(re.findall(r"data-([a-z-]+)=", texts))
    sources = "\n".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    used = set(re.findall(r'site\.text\("([a-z-]+)"', sources))
    assert used <= given
    assert {name for name in given if f'"{name}"' not in sources} == set()
