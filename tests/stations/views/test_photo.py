"""The photo of a door, and how pages are compressed."""

import io

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from core.images import clean_photo
from stations import photos
from stations.models import Station
from tests.builders import NOON, make_staff, make_station

pytestmark = pytest.mark.django_db


def with_photo(station: Station, colour: str = "orange") -> Station:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "JPEG")
    file.seek(0)
    return photos.store(station=station, photo=clean_photo(file), actor="test", at=NOON)


def status(client: Client, address: str) -> int:
    response = client.get(address)
    if response.streaming:
        list(response.streaming_content)  # type: ignore[attr-defined]  # its end closes the file
    return response.status_code


def test_a_photo_is_shown_as_webp_that_browsers_may_not_guess_about(client: Client) -> None:
    station = with_photo(make_station())
    response = client.get(station.photo_url)
    assert (response.status_code, response["Content-Type"]) == (200, "image/webp")
    assert response["X-Content-Type-Options"] == "nosniff"
    body = b"".join(response.streaming_content)  # type: ignore[attr-defined]
    assert Image.open(io.BytesIO(body)).format == "WEBP"
    assert station.photo_url in client.get(station.get_absolute_url()).content.decode()


def test_another_photo_has_another_address_and_the_old_file_goes(
    client: Client, django_capture_on_commit_callbacks: object
) -> None:
    station = with_photo(make_station())
    before, name = station.photo_url, station.photo.name
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        station = with_photo(station, "green")
    assert station.photo_url != before
    assert status(client, station.photo_url) == 200
    assert name is not None
    assert not default_storage.exists(name)


def test_a_draft_shows_its_photo_to_staff_alone(client: Client) -> None:
    station = with_photo(make_station(status="draft"))
    assert status(client, station.photo_url) == 404
    client.force_login(make_staff())
    assert status(client, station.photo_url) == 200


def test_no_photo_no_file_and_no_station_look_alike(client: Client) -> None:
    bare, lost = make_station(), with_photo(make_station())
    assert lost.photo.name is not None
    default_storage.delete(lost.photo.name)
    addresses = [f"/stations/{bare.code}/photo/", lost.photo_url, "/stations/WH-XX-9999/photo/"]
    assert [status(client, address) for address in addresses] == [404, 404, 404]


def test_pages_are_packed_for_those_who_take_them_packed(client: Client) -> None:
    make_station()
    plain = client.get("/")
    packed = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 2
