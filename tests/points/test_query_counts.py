"""The number of queries of each page of the desk for couriers and points, with few rows and with many."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from couriers.models import Courier
from points.models import Gift
from tests.builders import make_company, make_staff
from tests.points.books import keep_books, live_in
from tests.query_counts import check_query_count
from tests.stations.views.test_query_counts import ADMIN as STATION_PAGES

pytestmark = pytest.mark.django_db

PAGES = {
    "admin:first-page": "/admin/",
    "admin:couriers": "/admin/couriers/courier/",
    "admin:courier": "/admin/couriers/courier/{courier}/change/",
    "admin:outlets": "/admin/couriers/outlet/",
    "admin:brands": "/admin/couriers/company/",
    "admin:party-organisations": "/admin/couriers/partyorganisation/",
    "admin:gifts": "/admin/points/gift/",
    "admin:gift": "/admin/points/gift/{gift}/change/",
    "admin:redemptions": "/admin/points/redemption/",
    "admin:disputes": "/admin/points/dispute/",
    "admin:redemption": "/admin/points/redemption/{redemption}/change/",
    "admin:counter": "/admin/points/counter/",
    "admin:awards": "/admin/points/award/",
    "admin:award": "/admin/points/award/{award}/change/",
    "admin:award-by-hand": "/admin/points/award/add/",
    "admin:earning-rules": "/admin/points/earningrule/",
    "admin:award-limits": "/admin/points/awardlimit/",
    "admin:expiry-rules": "/admin/points/expiryrule/",
    "admin:proposals": "/admin/points/giftproposal/",
    "admin:running-low": "/admin/points/gift/low/",
    "admin:postings": "/admin/points/posting/",
    "admin:posting": "/admin/points/posting/{award}/change/",
    "admin:funds": "/admin/points/posting/funds/",
    "admin:entries": "/admin/points/entry/",
    "admin:seals": "/admin/points/seal/",
    "admin:courier-history": "/admin/points/couriers/{courier}/",
    "admin:settlement": "/admin/points/settlement/",
    "admin:standing-out": "/admin/points/standing-out/",
    "admin:papers": "/admin/points/papers/",
    "admin:papers-of-a-station": "/admin/points/papers/?place={station}",
    "admin:register": "/admin/points/papers/register/?place={station}",
    "admin:register-of-a-month": "/admin/points/papers/register/?place=420106&on={month}",
    "admin:stock-sheet": "/admin/points/papers/stock/?place={station}",
    "admin:stock-sheet-of-a-district": "/admin/points/papers/stock/?place=420106&on={month}",
    "admin:count-sheet": "/admin/points/papers/count/?place={station}",
    "admin:plan": "/admin/points/plan/?place=420106",
    "admin:audit-pages": "/admin/points/ledgercheck/",
    "admin:audit-check": "/admin/points/ledgercheck/{check}/change/",
    "admin:audit-sample": "/admin/points/audit/sample/?first=2026-01-01&last=2026-12-31&seed=7&number=50",
    "admin:audit-deeds": "/admin/points/audit/deeds/?who=auditor&first=2026-01-01&last=2026-12-31",
    "admin:audit-reveals": "/admin/points/audit/reveals/",
    "admin:receipt-slip": "/admin/points/slips/{redemption}/",
    "admin:late": "/admin/points/late/",
    "admin:late-form": "/admin/points/late/form/{cabinet}/",
    "admin:cabinet-sheet": "/admin/points/cabinet/{cabinet}/",
    "admin:courier-lists": "/admin/couriers/courier/import/",
}


@pytest.mark.parametrize("rows", [2, 9])
def test_the_number_of_queries_is_as_recorded_whatever_the_number_of_rows(client: Client, rows: int) -> None:
    keys = live_in(keep_books(pieces=100), rows=rows)
    client.force_login(make_staff())
    for name, page in PAGES.items():
        address = page.format(**keys)
        client.get(address)
        assert client.get(address).status_code == 200, name
        check_query_count(name, lambda address=address: client.get(address))  # type: ignore[misc]


def test_every_list_of_the_desk_is_counted() -> None:
    lists = {reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_changelist") for model in admin.site._registry}
    assert "/admin/couriers/courier/" in lists
    assert lists <= {*PAGES.values(), *STATION_PAGES.values()}


def test_an_english_page_calls_gifts_and_brands_by_their_english_names(client: Client) -> None:
    books = keep_books(pieces=100)
    keys = live_in(books, rows=1)
    brand = make_company("京东", name_en="JD")
    Gift.objects.update(name="暖宝宝", name_en="Heat pack")
    Courier.objects.update(company=brand)
    client.force_login(make_staff())
    # Where they are kept, both names stand; a proposal is the words of a station.
    both = {"admin:gift": "暖宝宝", "admin:brands": "京东"}
    pages = {name: client.get(page.format(**keys), headers={"accept-language": "en"}) for name, page in PAGES.items()}
    said = {name: page.content.decode() for name, page in pages.items()}
    assert {name: found for name in said for found in ("暖宝宝", "京东") if found in said[name]} == both
    for name in ("gifts", "redemptions", "register", "register-of-a-month", "stock-sheet", "count-sheet"):
        assert "Heat pack" in said[f"admin:{name}"], name
    for name in ("couriers", "courier"):
        assert "JD" in said[f"admin:{name}"], name
    assert "Heat pack" in client.get("/admin/core/auditevent/", headers={"accept-language": "en"}).content.decode()
