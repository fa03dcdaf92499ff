"""Couriers at the keyed doors. A view reads the body, calls the verb that staff and pages call, and answers."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.bodies import Members
from core.api.contract import fields_of
from core.api.parameters import Parameters, UnknownCode, nearest
from core.api.scoped import ScopedView
from core.api.views import PublicView
from core.errors import DomainError
from couriers import consents, finding, privacy, registration
from couriers.api import contract
from couriers.api.reach import courier_for, couriers_for, district_for
from couriers.errors import NoticeOutdated, PhoneTaken
from couriers.models import Company, Consent, Courier

__all__ = ["CourierDetail", "CourierList", "LookUp", "NoticeList"]

CHANNEL = "api"


def courier_answer(courier: Courier) -> dict[str, Any]:
    """What a program is told about a courier: name and phone masked, as for everybody."""
    person = privacy.masked(courier)
    return {
        "code": courier.code,
        "status": courier.status,
        "kind": courier.kind,
        "company": courier.company.name if courier.company else None,
        "district": {"code": courier.division_id, "name": courier.division.label},
        "name": person.name,
        "phone": person.phone,
        "registered_at": courier.registered_at,
    }


class NoticeList(PublicView):
    """The notices as they read now."""

    max_age_s = 300
    operations = {"GET": contract.NOTICE_LIST}

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        notices = [(purpose, consents.notice(purpose)) for purpose in Consent.Purpose.values]
        return self.answer(
            {
                "results": [
                    {"purpose": purpose, "version": each.version, "text": each.text, "sha256": each.sha256}
                    for purpose, each in notices
                ],
                "next": None,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a program says about a courier who registers; what it left out is empty."""

    phone: str
    kind: str
    district: str
    notice_version: str
    shares: bool
    name: str
    company: str
    pin: str


class CourierList(ScopedView):
    """Registering."""

    operations = {"POST": contract.CREATE_COURIER}
    required_scopes = {"POST": "couriers:write"}

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002 - every view takes it
        return self.write_once(lambda body: self._register(self._read(body)), refused=self._count)

    def _count(self, refusal: DomainError) -> None:
        """Learning that a number is taken is as good as a look-up, and counted as one."""
        if isinstance(refusal, PhoneTaken):
            finding.count_taken(actor=self.caller.actor, at=self.now)

    @staticmethod
    def _read(body: dict[str, Any]) -> _Wish:
        said = Members(body, known=fields_of(contract.NEW_COURIER))
        said.require(*contract.NEW_COURIER["required"])
        return _Wish(
            phone=str(said.text("phone", most=contract.MAX_PHONE)),
            kind=str(said.choice("kind", Courier.Kind.values)),
            district=str(said.text("district", most=contract.MAX_CODE)),
            notice_version=str(said.text("notice_version", most=contract.MAX_CODE)),
            shares=bool(said.truth("shares")),
            name=said.text("name", most=registration.NAME_LENGTH) or "",
            company=said.text("company", most=contract.MAX_BRAND) or "",
            pin=said.text("pin", most=contract.MAX_CODE) or "",
        )

    def _register(self, wish: _Wish) -> dict[str, Any]:
        notice = consents.membership_notice()
        if wish.notice_version != notice.version:
            raise NoticeOutdated(notice_version=notice.version)
        courier = registration.register(
            phone=wish.phone,
            name=wish.name,
            pin=wish.pin,
            work=registration.Work(kind=wish.kind, company=_company(wish.company) if wish.company else None),
            district=district_for(self.caller, wish.district),
            channel=Courier.Channel.API,
            agreement=registration.Agreement(notice, CHANNEL),
            actor=self.caller.actor,
            at=self.now,
        )
        if wish.shares:
            consents.give(
                courier=courier, notice=consents.notice(Consent.Purpose.SHARING), channel=CHANNEL, at=self.now,
                actor=self.caller.actor, purpose=Consent.Purpose.SHARING, partner=self.caller.code,
            )  # fmt: skip
        if self.caller.is_sandbox:
            # Nobody is there whom a steward could meet.
            courier = registration.verify(courier=courier, actor=self.caller.actor, at=self.now)
        return courier_answer(courier)


def _company(name: str) -> Company:
    """Raises: UnknownCode, with the brand that was probably meant."""
    company = Company.objects.filter(name=name.strip()).first()
    if company is None:
        meant = nearest(name, Company.objects.values_list("name", flat=True))
        refusal = UnknownCode(
            "company",
            _("This brand is not on the office's list. Leave it out, or ask the office to add it."),
            value=name,
        )
        if meant:
            refusal.data["did_you_mean"] = meant
        raise refusal
    return company


class CourierDetail(ScopedView):
    operations = {"GET": contract.COURIER_DETAIL}
    required_scopes = {"GET": "couriers:read"}

    def get(self, request: Request, code: str) -> Response:  # noqa: ARG002 - every view takes it
        return Response(courier_answer(courier_for(self.caller, code)))


class LookUp(ScopedView):
    """Exact search by phone."""

    operations = {"POST": contract.LOOK_UP_COURIER}
    required_scopes = {"POST": "couriers:read"}

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002 - every view takes it
        found: list[Courier] = []
        return self.write_once(
            lambda _body: courier_answer(found[0]), beforehand=lambda body: found.append(self._look_up(body))
        )

    def _look_up(self, body: dict[str, Any]) -> Courier:
        said = Members(body, known=fields_of(contract.LOOK_UP))
        said.require("phone")
        phone = said.text("phone", most=contract.MAX_PHONE)
        return finding.by_phone_for_partner(
            str(phone), among=couriers_for(self.caller), actor=self.caller.actor, at=self.now
        )
