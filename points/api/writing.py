"""What a partner's program may do with points and gifts: award, take back, and hand out against a courier's pass.

A view reads the body, calls the verb that pages and staff call, and answers. A program is nobody's colleague: what takes a
second person cannot be done here.
"""

from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from core.api.bodies import Members
from core.api.contract import fields_of
from core.api.parameters import ParametersContradictory
from core.api.scoped import ScopedView
from core.errors import DomainError
from core.idempotency import DatabaseBusy, Memo
from couriers import membership
from couriers.api.reach import courier_for, couriers_for, district_for, gone_is_missing
from couriers.models import Courier
from points import earning, ledger, passes, redemption, reversing, stock
from points.api import contract
from points.api.answers import redemption_answer, wallet_after
from points.api.reach import award_for, redemption_for, refuse_missing, wish_for
from points.errors import EarnedAlready, NotEnoughPoints, NotInReach, OutOfStock
from points.models import EarningRule, Gift, Posting, Redemption
from points.redemption import Presence
from stations.models import Station

__all__ = ["Awards", "Cancellation", "Handover", "Passes", "Redemptions", "Reversals"]


class Awards(ScopedView):
    """Points for a deed, by the city's rule or by hand."""

    operations = {"POST": contract.CREATE_AWARD}
    required_scopes = {"POST": "awards:write"}

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002 - every view takes it
        return self.write_once(self._award)

    def _award(self, body: dict[str, Any]) -> dict[str, Any]:
        said = Members(body, known=fields_of(contract.AWARD))
        said.require("courier", "district")
        code = said.text("courier", most=contract.MAX_CODE)
        district_code = said.text("district", most=contract.MAX_CODE)
        action = said.choice("action", EarningRule.Action.values)
        matter = said.text("matter", most=contract.MAX_MATTER)
        points = said.whole("points", least=1, most=ledger.MOST)
        reason = said.text("reason", most=contract.MAX_REASON)
        by_rule = action is not None or matter is not None
        if by_rule and not (points is None and reason is None):
            raise ParametersContradictory(
                "points" if points is not None else "reason",
                _("The rule of the action says how many. Send action and matter, or points and reason."),
            )
        said.require(*(("action", "matter") if by_rule else ("points", "reason")))
        courier, district = courier_for(self.caller, str(code)), district_for(self.caller, str(district_code))
        common: dict[str, Any] = {
            "courier": courier, "district": district, "op_id": self.op_id, "actor": self.caller.actor, "at": self.now
        }  # fmt: skip
        with gone_is_missing():
            if by_rule:
                try:
                    given = earning.award(action=str(action), matter=f"{self.caller.code}:{matter}", **common)
                except EarnedAlready as refusal:
                    # By the number that the program knows.
                    raise EarnedAlready(matter=matter) from refusal
            else:
                given = earning.award_by_hand(points=points or 0, reason=str(reason), **common)
        _courier, _points, balance = wallet_after(given.posting)
        return {
            "posting": str(self.op_id),
            "courier": courier.code,
            "district": district.code,
            "action": action,
            "matter": matter if action else None,
            "points": given.points,
            "reason": given.posting.reason,
            "balance": balance,
            "awarded_at": given.posting.occurred_at,
        }


class Reversals(ScopedView):
    """Taking back an award of one's own."""

    operations = {"POST": contract.CREATE_REVERSAL}
    required_scopes = {"POST": "reversals:write"}

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002 - every view takes it
        return self.write_once(self._reverse)

    def _reverse(self, body: dict[str, Any]) -> dict[str, Any]:
        said = Members(body, known=fields_of(contract.REVERSAL))
        said.require("posting", "reason")
        op_id = said.uuid("posting")
        reason = said.text("reason", most=contract.MAX_REASON)
        assert op_id is not None  # noqa: S101 - it was required
        award = award_for(self.caller, op_id)
        # Whoever awarded can take back, even from somebody who no longer shares with the program; it learns nothing of him.
        is_known = couriers_for(self.caller).filter(pk=award.award.courier_id).exists()
        try:
            posted = reversing.take_back(
                posting=award, reason=str(reason), op_id=self.op_id, actor=self.caller.actor, at=self.now
            )
        except NotEnoughPoints as refusal:
            if is_known:
                raise
            raise NotEnoughPoints(_("What he has spent already cannot be taken back.")) from refusal
        reversal = Posting.objects.get(pk=posted.posting_id)
        courier, amount, balance = wallet_after(reversal)
        return {
            "posting": str(reversal.op_id),
            "reverses": str(award.op_id),
            "courier": courier if is_known else None,
            "points": -amount,
            "reason": reversal.reason,
            "balance": balance if is_known else None,
            "reversed_at": reversal.occurred_at,
        }


class Passes(ScopedView):
    """A pass for whoever knows the PIN."""

    operations = {"POST": contract.CREATE_PASS}
    required_scopes = {"POST": "passes:write"}

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002 - every view takes it
        known: list[Courier] = []
        # Outside the transaction: a wrong PIN is counted, whatever is undone.
        return self.write_once(
            lambda _body: self._issue(known[0]), beforehand=lambda body: known.append(self._recognise(body))
        )

    def _recognise(self, body: dict[str, Any]) -> Courier:
        said = Members(body, known=fields_of(contract.PASS))
        said.require("courier", "pin")
        code = said.text("courier", most=contract.MAX_CODE)
        pin = said.text("pin", most=contract.MAX_CODE)
        courier = courier_for(self.caller, str(code))
        with gone_is_missing():
            membership.check_pin(courier=courier, pin=str(pin), at=self.now)
        return courier

    def _issue(self, courier: Courier) -> dict[str, Any]:
        with gone_is_missing():
            digits = passes.issue(courier=courier, at=self.now)
        return {"courier": courier.code, "digits": digits, "expires_at": self.now + passes.LIFE}


class Redemptions(ScopedView):
    """A gift is ordered, or with the courier's pass handed over at once."""

    operations = {"POST": contract.CREATE_REDEMPTION}
    required_scopes = {"POST": "redemptions:write"}
    _asked_for: tuple[Gift, Station]

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002 - every view takes it
        return self.write_in_one_call(self._redeem, answer=redemption_answer, refused=self._note)

    def _redeem(self, body: dict[str, Any], memo: Memo) -> Redemption:
        said = Members(body, known=fields_of(contract.REDEMPTION))
        said.require("courier", "gift", "station", "points")
        courier_code = said.text("courier", most=contract.MAX_CODE)
        gift_code = said.text("gift", most=contract.MAX_CODE)
        station_code = said.text("station", most=contract.MAX_CODE)
        points = said.whole("points", least=1, most=ledger.MOST)
        digits = said.text("pass", most=contract.MAX_CODE)
        named = str(courier_code), str(gift_code), str(station_code)
        courier, gift, station, reach = wish_for(self.caller, *named)
        wish: dict[str, Any] = {
            "courier": courier, "gift": gift, "station": station, "reach": reach, "points": points, "op_id": self.op_id,
            "actor": self.caller.actor, "at": self.now, "memo": memo,
        }  # fmt: skip
        self._asked_for = gift, station
        try:
            with gone_is_missing():
                if digits is None:
                    return redemption.order(**wish)
                return redemption.redeem(presence=Presence(digits=digits), **wish)
        except NotInReach as missing:
            refuse_missing(self.caller, *named)
            # All three are there by now: whoever asks once more finds them.
            raise DatabaseBusy(retry_after_s=1) from missing

    def _note(self, refusal: DomainError) -> None:
        if isinstance(refusal, OutOfStock):
            gift, station = self._asked_for
            stock.note_wanted(gift=gift, station=station, at=self.now)


class Handover(ScopedView):
    """An order, handed over to whoever shows the courier's pass."""

    operations = {"POST": contract.HAND_OVER_REDEMPTION}
    required_scopes = {"POST": "redemptions:write"}

    def post(self, request: Request, code: str) -> HttpResponse:  # noqa: ARG002 - every view takes it
        shown: list[tuple[Redemption, str]] = []
        # Outside the transaction: a wrong pass is counted, whatever is undone.
        return self.write_once(
            lambda _body: self._hand_over(*shown[0]), beforehand=lambda body: shown.append(self._look(code, body))
        )

    def _look(self, code: str, body: dict[str, Any]) -> tuple[Redemption, str]:
        said = Members(body, known=fields_of(contract.HANDOVER))
        said.require("pass")
        digits = said.text("pass", most=contract.MAX_CODE)
        found = redemption_for(self.caller, code)
        passes.count_shown(courier=found.courier)
        return found, str(digits)

    def _hand_over(self, found: Redemption, digits: str) -> dict[str, Any]:
        made = redemption.hand_over(
            redemption=found, presence=Presence(digits=digits), op_id=self.op_id, actor=self.caller.actor, at=self.now
        )
        return redemption_answer(made)


class Cancellation(ScopedView):
    """An order that is no longer wanted."""

    operations = {"POST": contract.CANCEL_REDEMPTION}
    required_scopes = {"POST": "redemptions:write"}

    def post(self, request: Request, code: str) -> HttpResponse:  # noqa: ARG002 - every view takes it
        return self.write_once(lambda body: self._cancel(code, body))

    def _cancel(self, code: str, body: dict[str, Any]) -> dict[str, Any]:
        said = Members(body, known=fields_of(contract.CANCELLATION))
        said.require("reason")
        reason = said.text("reason", most=contract.MAX_REASON)
        made = redemption.cancel(
            redemption=redemption_for(self.caller, code), reason=str(reason), op_id=self.op_id,
            actor=self.caller.actor, at=self.now,
        )  # fmt: skip
        return redemption_answer(made)
