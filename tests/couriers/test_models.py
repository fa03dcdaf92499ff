"""What the database itself refuses about outlets, instructors, couriers and consents."""

import hashlib
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import translation

from couriers import consents
from couriers.models import Company, Consent, Courier, Erasure, Instructor, Outlet, PartyOrganisation
from tests.builders import NOON, make_company, make_courier, make_district, make_outlet, make_subdistrict

pytestmark = pytest.mark.django_db


def refused(constraint: str, model: Any, **fields: Any) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model.objects.create(**fields)


# ── Outlets ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_credit_code_of_another_shape_is_refused_by_the_database_and_by_the_form() -> None:
    Company.objects.create(name="顺丰", credit_code="91440300708461136T")
    refused("credit_code_has_its_shape", Company, name="京东", credit_code="91440300708461136O")
    refused("credit_code_uniq", Company, name="申通", credit_code="91440300708461136T")
    with pytest.raises(ValidationError) as caught:
        Company(name="中通", credit_code="91440300708461136U").full_clean()
    assert "credit_code" in caught.value.message_dict


def test_an_outlet_lies_in_a_district_or_deeper() -> None:
    company, city = make_company(), make_district().parent
    make_outlet(company=company, division=make_district())
    make_outlet(company=company, name="阅马场网点")
    refused("lies_in_a_district", Outlet, company=company, name="x", division=city)
    refused("name_uniq_in_place", Outlet, company=company, name="阅马场网点", division=make_subdistrict())


def test_what_is_made_up_says_so() -> None:
    fields: dict[str, Any] = {"division": make_subdistrict(), "is_made_up": True}
    refused("outlet_made_up_says_so", Outlet, company=make_company(), name="阅马场网点", **fields)
    refused("partyorganisation_made_up_says_so", PartyOrganisation, kind="branch", name="联合党支部", **fields)
    assert make_outlet(name="[演示] 阅马场网点", is_made_up=True).is_made_up


def test_about_how_many_needs_a_number() -> None:
    refused(
        "about_needs_a_number", Outlet, company=make_company(), name="x", division=make_subdistrict(),
        is_headcount_approximate=True,
    )  # fmt: skip


@pytest.mark.parametrize("contact", ["13812345678", "书记 138 1234 5678", "138-1234-5678"])
def test_an_organisation_keeps_nobodys_own_number(contact: str) -> None:
    fields = {"kind": "joint-branch", "name": "片区联合党支部", "division": make_subdistrict()}
    refused("contact_is_no_own_number", PartyOrganisation, contact=contact, **fields)
    PartyOrganisation.objects.create(contact="社区党委书记 027-88888888", **fields)


@pytest.mark.parametrize(
    ("starts", "ends", "is_free"),
    [
        ("2026-01-01", "2026-02-28", True),
        ("2026-07-01", None, True),
        ("2026-02-01", "2026-03-01", False),  # the last day of one is the first of the other
        ("2026-04-01", "2026-04-30", False),
        ("2026-06-30", None, False),
        ("2026-01-01", None, False),
    ],
)
def test_an_outlet_has_one_instructor_at_a_time(starts: str, ends: str | None, is_free: bool) -> None:
    outlet = make_outlet()
    Instructor.objects.create(outlet=outlet, name="甲", starts_on="2026-03-01", ends_on="2026-06-30")
    Instructor.objects.create(outlet=make_outlet(), name="甲", starts_on=starts, ends_on=ends)
    other: dict[str, Any] = {"outlet": outlet, "name": "乙", "starts_on": starts, "ends_on": ends}
    if is_free:
        Instructor(**other).full_clean()
        Instructor.objects.create(**other)
    else:
        with pytest.raises(ValidationError):
            Instructor(**other).full_clean()
        refused("one_at_a_time", Instructor, **other)


def test_an_instructor_ends_after_he_starts() -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Instructor.objects.create(outlet=make_outlet(), name="甲", starts_on="2026-03-02", ends_on="2026-03-01")


# ── Couriers ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("code_has_its_shape", {"code": "OOOOOOOOOOO"}),
        ("kind_is_known", {"kind": "walker"}),
        ("status_is_known", {"status": "gone"}),
        ("channel_is_known", {"channel": "x"}),
        ("division_is_a_district", {"division_id": "4201"}),
        ("phone_is_sealed_and_indexed", {"phone_sealed": None}),
        ("phone_is_sealed_and_indexed", {"phone_index": None}),
        ("phone_is_sealed_and_indexed", {"phone_index": "13000000000"}),
        ("erased_keeps_nothing", {"status": "erased"}),
        ("active_was_met", {"status": "active"}),
        ("met_by_somebody", {"verified_at": NOON}),
        ("blocked_with_a_reason", {"status": "blocked"}),
        ("blocked_with_a_reason", {"blocked_reason": "x"}),
    ],
)
def test_a_courier_that_cannot_be(constraint: str, changes: dict[str, Any]) -> None:
    courier = make_courier()
    with pytest.raises(IntegrityError, match=f"couriers_courier_{constraint}"), transaction.atomic():
        Courier.objects.filter(pk=courier.pk).update(**changes)


def test_a_phone_is_one_couriers() -> None:
    one, other = make_courier(), make_courier()
    with pytest.raises(IntegrityError, match="phone_uniq"), transaction.atomic():
        Courier.objects.filter(pk=other.pk).update(phone_index=one.phone_index)


# ── Only ever added ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("table", ["couriers_consent", "couriers_erasure"])
@pytest.mark.parametrize("replica", ["", "SET LOCAL session_replication_role = replica; "])
@pytest.mark.parametrize("statement", ["UPDATE {} SET code = code", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_database_refuses_to_rewrite(table: str, replica: str, statement: str) -> None:
    courier = make_courier()
    Erasure.objects.create(courier=courier, code=courier.code, erased_at=NOON)
    connection.check_constraints()
    column = "act = act" if table == "couriers_consent" else "code = code"
    sql = replica + statement.format(table).replace("code = code", column)
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_triggers_fire_always() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal"
            " AND tgrelid IN ('couriers_consent'::regclass, 'couriers_erasure'::regclass)"
        )
        assert cursor.fetchone() == (4,)


def test_a_page_in_english_shows_the_translation_below_and_the_same_text_is_agreed_to() -> None:
    notice = consents.membership_notice()
    with translation.override("zh-hans"):
        assert notice.shown == notice.text
        digest = notice.sha256
    with translation.override("en"):
        assert notice.shown.startswith(notice.text)
        assert "the Chinese text is the one that is agreed to" in notice.shown
        assert notice.sha256 == digest == hashlib.sha256(notice.text.encode()).hexdigest()


def test_the_newest_word_on_a_purpose_holds() -> None:
    courier, notice = make_courier(), consents.membership_notice()
    given: dict[str, Any] = {"courier": courier, "notice": notice, "channel": "page", "at": NOON, "actor": "self"}
    sharing: dict[str, Any] = {"purpose": Consent.Purpose.SHARING, "partner": "little-bees"}
    assert consents.holds(courier=courier, purpose="membership")
    assert not consents.holds(courier=courier, **sharing)
    consents.give(**given, **sharing)
    assert consents.holds(courier=courier, **sharing)
    assert not consents.holds(courier=courier, purpose="sharing", partner="others")
    consents.withdraw(**given, **sharing)
    assert not consents.holds(courier=courier, **sharing)
    assert [each.notice_sha256 for each in courier.consents.all()] == [notice.sha256] * 3
    with pytest.raises(IntegrityError, match="sharing_names_its_partner"), transaction.atomic():
        consents.give(**given, purpose="sharing")
