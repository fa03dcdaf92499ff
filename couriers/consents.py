"""What couriers agreed to: given and withdrawn, each a row of its own with the exact notice that was read."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from django.db import transaction
from django.utils.translation import get_language

from core import audit
from core.models import User
from couriers.models import Consent, Courier

__all__ = [
    "Notice", "give", "give_many", "holds", "membership_notice", "name_programs", "notice", "programs_for", "withdraw",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Notice:
    """A text that is shown to a courier. Its digest identifies what he agreed to."""

    version: str
    text: str
    # Shown beside the text for those who read no Chinese; it is not what is agreed to, and may be missing.
    translation: str = ""

    @property
    def shown(self) -> str:
        """The text as pages show it: on English pages with the translation below."""
        return f"{self.text}\n{self.translation}" if self.translation and get_language() == "en" else self.text

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


@cache
def notice(purpose: str) -> Notice:
    """The notice of a purpose as it reads now. Source: couriers/notices/, the version in the first line."""
    folder = Path(__file__).resolve().parent / "notices"
    version, _newline, text = (folder / f"{purpose}.txt").read_text(encoding="utf-8").partition("\n")
    translated = folder / f"{purpose}.en.txt"
    return Notice(version, text, translated.read_text(encoding="utf-8") if translated.exists() else "")


def membership_notice() -> Notice:
    """The notice for members as it reads now."""
    return notice(Consent.Purpose.MEMBERSHIP)


def give(
    *, courier: Courier, notice: Notice, channel: str, at: datetime, actor: User | str,
    purpose: str = Consent.Purpose.MEMBERSHIP, partner: str = "",
) -> Consent:  # fmt: skip
    """Record that he agreed to `purpose` after reading `notice`; sharing with a partner is a separate consent."""
    return _add(courier, Consent.Act.GIVEN, notice, channel, purpose, partner, at=at, actor=actor)


def give_many(
    given: Sequence[tuple[Courier, datetime]], *, notice: Notice, channel: str, at: datetime, actor: User | str
) -> None:
    """Record that each agreed to membership, at the moment given beside him; the papers are entered at `at`."""
    rows = [
        Consent(
            courier=courier,
            purpose=Consent.Purpose.MEMBERSHIP,
            act=Consent.Act.GIVEN,
            notice_version=notice.version,
            notice_sha256=notice.sha256,
            channel=channel,
            occurred_at=moment,
        )
        for courier, moment in given
    ]
    Consent.objects.bulk_create(rows)
    audit.record_many(
        "courier.consent-given",
        subjects=[(("courier", row.courier.code), _told(row)) for row in rows],
        actor=actor,
        at=at,
    )


def withdraw(
    *, courier: Courier, notice: Notice, channel: str, at: datetime, actor: User | str,
    purpose: str = Consent.Purpose.MEMBERSHIP, partner: str = "",
) -> Consent:  # fmt: skip
    """He takes his consent back. Points, gifts and doors stay open to him."""
    return _add(courier, Consent.Act.WITHDRAWN, notice, channel, purpose, partner, at=at, actor=actor)


@transaction.atomic
def _add(
    courier: Courier, act: str, notice: Notice, channel: str, purpose: str, partner: str,
    *, at: datetime, actor: User | str,
) -> Consent:  # fmt: skip
    consent = Consent.objects.create(
        courier=courier,
        purpose=purpose,
        partner=partner,
        act=act,
        notice_version=notice.version,
        notice_sha256=notice.sha256,
        channel=channel,
        occurred_at=at,
    )
    audit.record(
        f"courier.consent-{act}",
        subject=("courier", courier.code),
        actor=actor,
        at=at,
        data=_told(consent),
    )
    return consent


def _told(consent: Consent) -> dict[str, str]:
    return {"purpose": consent.purpose, "partner": consent.partner, "notice_version": consent.notice_version}


def holds(*, courier: Courier, purpose: str, partner: str = "") -> bool:
    """Whether his latest word on `purpose` is yes."""
    newest = courier.consents.filter(purpose=purpose, partner=partner).order_by("-id").first()
    return newest is not None and newest.act == Consent.Act.GIVEN


# ── With whom he can share ──────────────────────────────────────────────────────────────────────────────────────────

_programs: list[Callable[[Courier], Mapping[str, str]]] = []


def name_programs(named: Callable[[Courier], Mapping[str, str]]) -> None:
    """Let an app above this one say with which programs a courier can share now: their names by code."""
    _programs.append(named)


def programs_for(courier: Courier) -> dict[str, str]:
    """The programs that he can share with, by code: those that act in his district."""
    return {code: name for named in _programs for code, name in named(courier).items()}
