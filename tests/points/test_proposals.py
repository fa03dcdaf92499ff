"""Gifts that stations propose, and on which their district decides."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.urls import reverse

from core.clock import local_date, local_midnight
from core.errors import NotFound
from core.models import AuditEvent, User
from points import proposals
from points.errors import OwnProposal, PostingReasonMissing, ProposalDecided
from points.models import Gift, GiftProposal
from stations.access import DutyMissing
from tests.builders import NOON, make_staff
from tests.points.books import Books, keep_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books(points=0, pieces=0)


@pytest.fixture
def steward(books: Books) -> User:
    return make_staff("steward", scope=books.station, duties=["counter"])


@pytest.fixture
def office(books: Books) -> User:
    return make_staff("wuchang", scope=books.district)


def propose(books: Books, actor: User | str, **other: Any) -> GiftProposal:
    said: dict[str, Any] = {"station": books.station, "name": "保温杯", "why": "天冷,小哥常问。", "points": 800} | other
    return proposals.propose(**said, actor=actor, at=NOON)


def accept(proposal: GiftProposal, actor: User | str, *, at: datetime = NOON) -> GiftProposal:
    return proposals.accept(proposal=proposal, code="wc-cup", points=900, actor=actor, at=at)


def test_what_is_accepted_stands_on_the_districts_list_with_a_price(books: Books, steward: User, office: User) -> None:
    today = local_date(NOON) + timedelta(days=1)
    proposal = accept(propose(books, steward), office, at=local_midnight(today))
    gift = Gift.objects.get(code="wc-cup")
    assert (gift.name, gift.division_id) == ("保温杯", "420106")
    assert [gift.price_on(day) for day in (local_date(NOON), today)] == [None, 900]
    assert (proposal.status, proposal.gift, proposal.decided_by) == ("accepted", gift, "wuchang")
    told = AuditEvent.objects.filter(subject_type="giftproposal").order_by("pk").values_list("kind", "data")
    assert list(told) == [
        ("gift.proposed", {"name": "保温杯", "points": 800, "station": books.station.code}),
        ("gift.proposal-accepted", {"gift": "wc-cup", "points": 900}),
    ]


def test_what_is_declined_says_why(books: Books, steward: User, office: User) -> None:
    proposal = propose(books, steward)
    with pytest.raises(PostingReasonMissing):
        proposals.decline(proposal=proposal, reason=" ", actor=office, at=NOON)
    declined = proposals.decline(proposal=proposal, reason=" 预算不够\n", actor=office, at=NOON)
    assert AuditEvent.objects.get(kind="gift.proposal-declined").data == {"reason": "预算不够"}
    assert (declined.status, declined.reason, declined.gift) == ("declined", "预算不够", None)


def test_a_proposal_is_decided_on_once(books: Books, steward: User, office: User) -> None:
    proposal = propose(books, steward)
    proposals.decline(proposal=proposal, reason="预算不够", actor=office, at=NOON)
    with pytest.raises(ProposalDecided):
        accept(proposal, office)
    with pytest.raises(ProposalDecided):
        proposals.decline(proposal=proposal, reason="又来", actor=office, at=NOON)
    assert not Gift.objects.filter(code="wc-cup").exists()


def test_nobody_decides_on_his_own(books: Books, office: User) -> None:
    proposal = propose(books, office)
    with pytest.raises(OwnProposal):
        accept(proposal, office)
    with pytest.raises(OwnProposal):
        proposals.decline(proposal=proposal, reason="x", actor=office, at=NOON)
    # Nor past the verb.
    with pytest.raises(IntegrityError), transaction.atomic():
        GiftProposal.objects.filter(pk=proposal.pk).update(
            status="declined", reason="x", decided_by="wuchang", decided_at=NOON
        )
    accept(proposal, make_staff("colleague", scope=books.district))


def test_who_may_propose_and_who_may_decide(books: Books, steward: User) -> None:
    looks_on = make_staff("looks-on", scope=books.district, duties=["view"])
    away = make_staff("away", scope=books.other)
    with pytest.raises(DutyMissing):
        propose(books, looks_on)
    with pytest.raises(NotFound):
        propose(books, away)
    with pytest.raises(NotFound):
        propose(books, steward, station=books.second)
    proposal = propose(books, steward)
    other_steward = make_staff("steward-2", scope=books.station, duties=["counter"])
    for nobody, refusal in ((other_steward, NotFound), (looks_on, DutyMissing), (away, NotFound)):
        with pytest.raises(refusal):
            accept(proposal, nobody)
    assert GiftProposal.objects.get().is_open


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"why": ""}, {"points": 0}, {"points": 1_000_001}], ids=["name", "why", "0", "million"]
)
def test_a_proposal_says_what_and_why(books: Books, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        propose(books, "tests", **wrong)
    propose(books, "tests", points=None)
    assert GiftProposal.objects.count() == 1


# ── The desk ────────────────────────────────────────────────────────────────────────────────────────────────────────


def desk(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


def page(door: str, proposal: GiftProposal) -> str:
    return reverse(f"admin:points_giftproposal_{door}", args=[proposal.pk])


def test_a_steward_proposes_and_the_office_decides(books: Books, steward: User, office: User) -> None:
    counter, add = desk(steward), reverse("admin:points_giftproposal_add")
    said = {"station": books.second.pk, "name": "雨衣", "why": "骑车要雨衣", "points": ""}
    assert counter.post(add, said).status_code == 200
    assert counter.post(add, said | {"station": books.station.pk}).status_code == 302
    proposal = GiftProposal.objects.get()
    assert (proposal.proposed_by, proposal.points) == ("steward", None)
    assert counter.get(page("change", proposal)).status_code == 200
    assert counter.get(page("accept", proposal)).status_code == 403
    assert counter.post(page("decline", proposal), {"reason": "x"}).status_code == 403
    away = desk(make_staff("away", scope=books.other))
    assert away.get(page("accept", proposal)).status_code == 404
    office_desk = desk(office)
    assert "form" in office_desk.post(page("accept", proposal), {"code": books.gift.code, "points": "9"}).context
    assert office_desk.post(page("accept", proposal), {"code": "wc-raincoat", "points": "900"}).status_code == 302
    assert Gift.objects.get(code="wc-raincoat").name == "雨衣"
    refused = office_desk.post(page("decline", proposal), {"reason": "x"})
    assert refused.context["form"].non_field_errors()
    assert "雨衣" in office_desk.get(page("history", proposal)).content.decode()
