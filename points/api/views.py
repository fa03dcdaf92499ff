"""What may be asked about points and gifts. A view reads the question, asks, and answers."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.api.paging import Pages, base_url
from core.api.parameters import Parameters, ParametersContradictory
from core.api.scoped import ScopedView
from core.api.views import PublicView
from couriers.api.reach import courier_for
from points import catalogue, expiring
from points.api import contract
from points.api.answers import entry_answer, offer_answer, redemption_answer
from points.api.reach import redemption_for
from points.errors import GiftNotFound
from points.models import Account, Entry
from stations.api.questions import refuse_unknown_division
from stations.errors import StationNotFound
from stations.models import Station

__all__ = ["AccountDetail", "EntryList", "GiftDetail", "GiftList", "RedemptionDetail"]


class GiftList(PublicView):
    """What can be had for points."""

    operations = {"GET": contract.GIFT_LIST}

    def get(self, request: Request) -> HttpResponse:
        asked = Parameters(request.GET, single=contract.GIFT_LIST.single)
        district = asked.text("district", max_length=contract.MAX_CODE)
        code = asked.text("station", max_length=contract.MAX_CODE)
        pages = Pages(
            request, asked, question=f"gifts {district} {code}", default=contract.PAGE, most=contract.MAX_PAGE
        )
        if district and code:
            raise ParametersContradictory("district", contract.STATION_OR_DISTRICT, value=district)
        if district:
            refuse_unknown_division("district", district)
        offers = catalogue.offers(
            on=clock.local_date(clock.now()), district=district, station=_station(code) if code else None,
            after=str(pages.after or ""), most=pages.limit + 1,
        )  # fmt: skip
        rows, following = pages.cut(offers, lambda offer: offer.gift.code)
        return self.answer(
            {"results": [offer_answer(offer, base_url=base_url(request)) for offer in rows], "next": following}
        )


def _station(code: str) -> Station:
    station = Station.objects.published().filter(code=code.upper()).first()
    if station is None:
        raise StationNotFound
    return station


class GiftDetail(PublicView):
    """One gift, and where it is in stock."""

    operations = {"GET": contract.GIFT_DETAIL}

    def get(self, request: Request, code: str) -> HttpResponse:
        Parameters(request.GET, single=())
        found = catalogue.offers(on=clock.local_date(clock.now()), code=code.lower(), most=1)
        if not found:
            raise GiftNotFound
        stations = [
            {"code": each.code, "name": each.name, "pieces": each.pieces} for each in catalogue.where(found[0].gift)
        ]
        return self.answer(offer_answer(found[0], base_url=base_url(request)) | {"stations": stations})


class AccountDetail(ScopedView):
    """How many points a courier has."""

    operations = {"GET": contract.ACCOUNT_DETAIL}
    required_scopes = {"GET": "accounts:read"}

    def get(self, request: Request, code: str) -> Response:  # noqa: ARG002 - every view takes it
        courier = courier_for(self.caller, code)
        wallet = Account.objects.filter(kind=Account.Kind.WALLET, courier=courier).first()
        expiring_next = [
            {"points": each.points, "expires_on": each.expires_on}
            for each in expiring.due(courier=courier, at=self.now)
        ]
        balance = wallet.balance if wallet else 0
        return Response({"courier": courier.code, "balance": balance, "expiring": expiring_next, "at": self.now})


class EntryList(ScopedView):
    """A courier's statement, the newest first."""

    operations = {"GET": contract.ENTRY_LIST}
    required_scopes = {"GET": "accounts:read"}

    def get(self, request: Request, code: str) -> Response:
        pages = Pages(
            request, self.asked, question=f"entries {code.upper()}", default=contract.PAGE, most=contract.MAX_PAGE
        )
        courier = courier_for(self.caller, code)
        entries = Entry.objects.filter(account__kind=Account.Kind.WALLET, account__courier=courier)
        if pages.after:
            entries = entries.filter(seq__lt=pages.after)
        entries = entries.select_related(
            "posting__award",
            "posting__redemption_ordered__gift",
            "posting__reverses__award",
            "posting__reverses__redemption_ordered__gift",
        )
        rows, following = pages.cut(entries.order_by("-seq")[: pages.limit + 1], lambda entry: entry.seq)
        return Response({"results": [entry_answer(entry) for entry in rows], "next": following})


class RedemptionDetail(ScopedView):
    """One redemption, as it stands."""

    operations = {"GET": contract.REDEMPTION_DETAIL}
    required_scopes = {"GET": "redemptions:read"}

    def get(self, request: Request, code: str) -> Response:  # noqa: ARG002 - every view takes it
        found = redemption_for(self.caller, code)
        answer = redemption_answer(found)
        if found.courier.merged_into is not None:
            # The profile that ended has no card.
            answer["courier"] = found.courier.merged_into.code
        return Response(answer)
