"""What every response carries, and what is refused before any view."""

import pytest
from django.test import Client

from tests.access.asking import Ask, ask
from tests.builders import make_staff

pytestmark = pytest.mark.django_db

MIB = 2**20


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/static/css/card.css", 200),
        ("/static/nothing.css", 404),
        ("/livez", 200),
        ("/?q=%00", 400),
        ("/stations/%00/", 400),
        (f"/?q={'a' * 8_001}", 400),
        ("/api/v1/stations/?q=%00", 400),
    ],
)
def test_files_and_refusals_carry_the_headers_of_a_page(path: str, status: int) -> None:
    answer = ask(Client(), Ask("get", path))
    assert (answer.status, answer.lacking) == (status, ())


@pytest.mark.parametrize(
    ("path", "fits_mib", "too_large_mib"),
    [("/v/some-token/", 32, 33), ("/api/v1/whoami/", 32, 33), ("/admin/", 80, 81)],
)
def test_a_body_that_says_it_is_too_large_is_refused_unread(path: str, fits_mib: int, too_large_mib: int) -> None:
    client = Client(headers={"accept-language": "en"})
    client.force_login(make_staff())

    def status(length_mib: int, zeros: str = "") -> int:
        length = f"{zeros}{length_mib * MIB}"
        return client.post(path, b"", content_type="text/plain", CONTENT_LENGTH=length).status_code

    assert status(fits_mib) != 413
    assert status(too_large_mib) == 413
    assert status(too_large_mib, zeros="0" * 20) == 413


def test_it_says_how_much_may_be_sent() -> None:
    client = Client(headers={"accept-language": "en"})
    huge = {"content_type": "application/json", "CONTENT_LENGTH": str(10**30)}
    answer = client.post("/api/v1/stations/WH-WC-0001/uses/", b"", **huge)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "32 MB" in answer.json()["detail"]
    page = client.post("/v/some-token/", b"", **huge)  # type: ignore[arg-type]
    assert page.status_code == 413
    assert "32 MB" in page.text
