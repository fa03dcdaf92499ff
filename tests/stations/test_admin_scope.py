"""A clerk of 武昌 at every door of the admin, with a canary in each row of 硚口: nothing of it is shown or changed."""

import io
from typing import Any
from urllib.parse import quote as urlquote

import openpyxl
import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import NoReverseMatch, reverse

from core import audit, clock
from core.models import AuditEvent
from stations.admin.todos import TODOS
from stations.models import (
    Confirmation,
    Division,
    DivisionAlias,
    HoursException,
    Station,
    StationUse,
    Zone,
)
from tests.builders import NOON, make_amenity, make_district, make_staff, make_station, make_subdistrict
from tests.stations.test_admin import as_shown, change_url, filled_in, rows

pytestmark = pytest.mark.django_db

CANARY = "金丝雀"
LIST = "admin:stations_station_changelist"


@pytest.fixture
def ours() -> Station:
    return make_station(code="WH-WC-0001", name="武昌蜂巢", amenities=["hot-water"])


@pytest.fixture
def foreign() -> Station:
    """A station of 硚口 with rows of every kind, each with the canary in it."""
    district = make_district(code="420104", name=f"{CANARY}区", letters="QK")
    subdistrict = make_subdistrict(code="420104002", name=f"{CANARY}街道", district=district)
    zone = Zone.objects.create(code="donghu", name="东湖高新区", short_name="东湖高新")
    station = make_station(
        code="WH-QK-0001", name=f"{CANARY}蜂巢", division=subdistrict, status="draft", zone=zone, doubted_at=NOON,
        address=f"{CANARY}路1号", amenities=["hot-water"],
    )  # fmt: skip
    Confirmation.objects.create(station=station, outcome="locked", channel="door", witness=CANARY, confirmed_at=NOON)
    StationUse.objects.create(station=station, date=clock.local_date(NOON), uses=7)
    HoursException.objects.create(station=station, starts_on="2027-01-01", ends_on="2027-01-01", reason=CANARY)
    DivisionAlias.objects.create(division=subdistrict, name=f"{CANARY}街")
    audit.record("station.changed", subject=("station", station.code), actor=CANARY, at=NOON, data={"name": CANARY})
    audit.record("division.created", subject=("division", district.code), actor=CANARY, at=NOON)
    return station


@pytest.fixture
def clerk(ours: Station) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(make_staff("wuchang", scope=Division.objects.get(pk=ours.district_code), duties=["manage"]))
    return client


def without_question(answer: Any, url: str) -> str:
    """The body without the address that was asked for, which the links for language and text size lead back to."""
    said: str = answer.content.decode()
    return said.replace(urlquote(url, safe=""), "").replace(url, "")


def address(model: Any, door: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{door}", args=args)


FOREIGN = (Station, Division, Confirmation, StationUse, AuditEvent)
MISSING: dict[Any, Any] = {
    Station: 10**9,
    Division: "429999",
    Confirmation: 10**9,
    StationUse: 10**9,
    AuditEvent: 10**9,
}


def foreign_key(model: Any) -> Any:
    if model is Station:
        return Station.objects.get(code="WH-QK-0001").pk
    if model is Division:
        return "420104002"
    if model is AuditEvent:
        return AuditEvent.objects.filter(actor_name=CANARY).values_list("pk", flat=True)[0]
    return model.objects.get(station__code="WH-QK-0001").pk


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("door", ["change", "history", "delete"])
@pytest.mark.parametrize("model", FOREIGN, ids=lambda model: model.__name__)
def test_the_page_of_a_foreign_row_is_that_of_a_missing_one(
    clerk: Client, foreign: Station, model: Any, door: str, method: str
) -> None:
    asked, nowhere = address(model, door, quote(foreign_key(model))), address(model, door, quote(MISSING[model]))
    answers = [getattr(clerk, method)(url, {"post": "yes"}) for url in (asked, nowhere)]
    assert answers[0].status_code in (403, 404)
    assert answers[0].status_code == answers[1].status_code
    assert without_question(answers[0], asked) == without_question(answers[1], nowhere)
    assert CANARY.encode() not in answers[0].content
    foreign.refresh_from_db()
    assert (foreign.version, foreign.status) == (1, "draft")


def test_the_same_doors_stand_open_to_the_city(foreign: Station, clerk: Client) -> None:  # noqa: ARG001
    city = Client()
    city.force_login(make_staff("city", scope=Division.objects.get(pk="4201"), duties=["manage", "audit"]))
    for model in FOREIGN:
        for door in ("change", "history"):
            page = city.get(address(model, door, quote(foreign_key(model))))
            assert page.status_code == 200, (model, door)
    assert CANARY in city.get(reverse(LIST)).content.decode()


def foreign_rows(shown: Any) -> list[Any]:
    """Those of the rows that lie in 硚口, however they say so."""
    return [row for row in shown if "WH-QK" in str(vars(row)) or str(row.pk).startswith("420104")]


QUERIES = (
    "", f"q={CANARY}", "q=WH-QK-0001", "q=420104", "district=420104", "todo=doubted", "status__exact=draft", "tier__exact=3",
    "o=2", "o=-1", "all=", "p=2", "_facets=True", "about=station", "about=division", "outcome__exact=locked", "level__exact=district",
)  # fmt: skip


@pytest.mark.parametrize("model", sorted(admin.site._registry, key=str), ids=lambda model: model.__name__)
def test_no_list_shows_counts_or_offers_what_is_foreign(clerk: Client, foreign: Station, model: Any) -> None:  # noqa: ARG001
    for query in QUERIES:
        page = clerk.get(f"{address(model, 'changelist')}?{query}", follow=True)
        assert page.status_code in (200, 400, 403), query
        assert CANARY not in page.content.decode().replace(f'value="{CANARY}"', ""), query
        if "cl" in (page.context or {}):
            assert foreign_rows(page.context["cl"].result_list) == [], query


@pytest.mark.parametrize(
    "lookup",
    [
        "zone__stations__name__startswith=金",
        "stations={pk}",
        "stations__isnull=False",
        "station__name__startswith=金",
        "children__name=金",
        "division__stations={pk}",
        "status_reason__contains=x",
        "door_token__startswith=a",
        "witness__startswith=a",
        "status__exact=%00",
        "actor__password__startswith=a",
    ],
)
def test_no_list_answers_questions_that_its_filters_do_not_ask(clerk: Client, foreign: Station, lookup: str) -> None:
    for model in admin.site._registry:
        page = clerk.get(f"{address(model, 'changelist')}?{lookup.format(pk=foreign.pk)}")
        assert page.status_code in (302, 400, 403), (model, page.status_code)


def test_an_autocomplete_finds_what_lies_in_the_scope(clerk: Client, foreign: Station, ours: Station) -> None:
    def found(field: str, term: str) -> tuple[int, str]:
        asked = {"app_label": "stations", "model_name": "staffrole", "field_name": field, "term": term}
        answer = clerk.get(reverse("admin:autocomplete"), asked)
        return answer.status_code, answer.content.decode("unicode_escape").encode().decode()

    status, said = found("station", "")
    assert status == 200
    assert f'"{ours.pk}"' in said
    assert f'"{foreign.pk}"' not in said
    assert f'"{foreign.pk}"' not in found("station", CANARY)[1]
    assert "420104" not in found("division", "")[1]
    assert found("user", "")[0] == 403


def test_a_foreign_place_is_neither_offered_nor_taken(clerk: Client, foreign: Station, ours: Station) -> None:  # noqa: ARG001
    page = clerk.get(reverse("admin:stations_station_add"))
    assert CANARY not in page.content.decode()
    for place in ("420104002", "420104", "4201", "429999"):
        created = clerk.post(reverse("admin:stations_station_add"), filled_in(place=place))
        moved = clerk.post(change_url(ours), as_shown(clerk, ours) | {"place": place})
        for answer in (created, moved):
            assert answer.status_code == 200
            assert "place" in answer.context["adminform"].form.errors
            assert CANARY not in answer.content.decode()
    ours.refresh_from_db()
    assert (ours.district_code, Station.objects.count()) == ("420106", 2)
    assert clerk.post(reverse("admin:stations_station_add"), filled_in()).status_code == 302


def test_a_foreign_row_in_the_form_of_ones_own_station_changes_nothing(
    clerk: Client, foreign: Station, ours: Station
) -> None:
    row = foreign.hours_exceptions.get()
    stolen = {"starts_on": "2027-05-01", "ends_on": "2027-05-01", "entry_mode": "staffed", "reason": "x"}
    data = as_shown(clerk, ours) | rows("hours_exceptions", {**stolen, "id": row.pk, "station": foreign.pk}, initial=1)
    clerk.post(change_url(ours), data)
    row.refresh_from_db()
    assert (row.reason, row.station_id) == (CANARY, foreign.pk)
    assert not HoursException.objects.filter(reason="x", station=foreign).exists()


@pytest.mark.parametrize("action", ["publish", "suspend", "close", "export", "delete_selected"])
def test_an_action_on_foreign_rows_does_what_one_on_missing_rows_does(
    clerk: Client, foreign: Station, action: str
) -> None:
    def told(key: object, **more: str) -> tuple[int, bytes, list[str]]:
        chosen = {"action": action, "reason": "x", "_selected_action": key, **more}
        answer = clerk.post(reverse(LIST), chosen, follow=True)
        if answer.streaming:
            book = openpyxl.load_workbook(io.BytesIO(b"".join(answer)))
            return answer.status_code, b"", [str(row) for row in book.active.values]
        return answer.status_code, b"", [str(message) for message in answer.context["messages"]]

    before = AuditEvent.objects.count()
    assert told(foreign.pk) == told(10**9)
    foreign.refresh_from_db()
    assert (foreign.status, AuditEvent.objects.count()) == ("draft", before)
    assert CANARY not in str(told(foreign.pk, select_across="1"))


def test_a_key_that_is_none_is_refused_in_words(clerk: Client) -> None:
    answer = clerk.post(reverse(LIST), {"action": "publish", "_selected_action": ["x", "1"]})
    assert answer.status_code == 400


def test_the_export_holds_the_list_as_filtered_and_nothing_foreign(
    clerk: Client, foreign: Station, ours: Station
) -> None:
    assert foreign.pk
    make_station(name="另一个", tier=1)

    def exported(query: str) -> list[Any]:
        answer = clerk.get(f"{reverse('admin:stations_station_export')}?{query}")
        assert answer.status_code == 200
        book = openpyxl.load_workbook(io.BytesIO(b"".join(answer)))
        return [row[1] for row in book.active.iter_rows(min_row=2, values_only=True)]

    assert set(exported("")) == {ours.name, "另一个"}
    assert exported("tier__exact=1") == ["另一个"]
    assert exported(f"q={CANARY}") == []
    assert clerk.get(f"{reverse('admin:stations_station_export')}?stations=1").status_code == 400
    anonymous = Client().get(reverse("admin:stations_station_export"))
    assert anonymous.status_code == 302


def test_no_address_of_a_foreign_object_is_told_by_its_number(clerk: Client, foreign: Station, ours: Station) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("admin:view_on_site", args=[1, 1])
    kind = ContentType.objects.get_for_model(Station).pk
    for station in (ours, foreign):
        assert clerk.get(f"/admin/r/{kind}/{station.pk}/").status_code == 404
    assert ours.get_absolute_url() in clerk.get(change_url(ours)).content.decode()


def test_a_draft_has_no_link_to_a_public_page(clerk: Client) -> None:
    draft = make_station(status="draft")
    assert draft.get_absolute_url() not in clerk.get(change_url(draft)).content.decode()


def test_the_photo_of_a_foreign_draft_is_missing(clerk: Client, foreign: Station, ours: Station) -> None:
    Station.objects.update(photo="stations/x.webp", status="draft")
    foreign_photo, no_photo = (clerk.get(f"/stations/{code}/photo/") for code in (foreign.code, "WH-QK-0999"))
    assert foreign_photo.status_code == no_photo.status_code == 404
    asked, nowhere = (f"/stations/{code}/photo/" for code in (foreign.code, "WH-QK-0999"))
    assert without_question(foreign_photo, asked) == without_question(no_photo, nowhere)
    assert ours.pk


def test_the_first_page_counts_and_names_ones_own(clerk: Client, foreign: Station) -> None:
    page = clerk.get(reverse("admin:index"))
    assert CANARY not in page.content.decode()
    overview = page.context["overview"]
    assert [work.number for work in overview.work_lists if work.url.endswith("=doubted")] == ["0"]
    assert foreign.doubted_at is not None


def test_only_those_who_may_do_it_are_told_what_to_do(clerk: Client, ours: Station) -> None:
    Station.objects.filter(pk=ours.pk).update(tier=None)
    auditor = Client()
    auditor.force_login(make_staff("auditor", scope=Division.objects.get(pk=ours.district_code), duties=["audit"]))
    hint, listed = str(TODOS["no-tier"].hint), f"{reverse('admin:stations_station_changelist')}?todo=no-tier"
    for address in (reverse("admin:index"), listed):
        pages = [desk.get(address).content.decode() for desk in (clerk, auditor)]
        assert [ours.name in page for page in pages] == [True, True]
        assert [hint in page for page in pages] == [True, False]


def test_the_trail_is_filtered_without_reading_it(clerk: Client, foreign: Station, ours: Station) -> None:  # noqa: ARG001
    make_amenity("hot-water")
    audit.record("station.published", subject=("station", ours.code), actor="x", at=NOON)
    page = clerk.get(reverse("admin:core_auditevent_changelist") + "?about=station")
    assert [event.subject_code for event in page.context["cl"].result_list] == [ours.code]
