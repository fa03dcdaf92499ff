"""How the copy that a courier may ask for words what the books hold about him."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from points.models import Dispute, EarningRule, Posting, Redemption

__all__ = ["VALUES", "WORDS"]

WORDS: Mapping[str, str | Promise] = {
    "points": _("points"), "balance": _("balance"), "entries": _("statement"), "posting": _("posting"), "at": _("when"),
    "balance_after": _("balance after it"), "reason": _("reason"), "awards": _("what brought points"),
    "action": _("what was done"), "matter": _("matter"), "day": _("day"), "paid_by": _("paid by"),
    "redemptions": _("gifts"), "redemptions.code": _("receipt number"), "gift": _("gift"), "station": _("station's code"),
    "station_name": _("station"), "ordered_at": _("ordered at"), "ended_at": _("ended at"),
    "disputes": _("disputes"), "redemption": _("receipt number"), "words": _("what the courier says"),
    "opened_at": _("opened at"), "ruling": _("ruling"), "answer": _("answer to the courier"), "decided_at": _("decided at"),
}  # fmt: skip
VALUES: Mapping[str, Mapping[str, str | Promise]] = {
    "entries.kind": dict(Posting.Kind.choices),
    "awards.action": dict(EarningRule.Action.choices),
    "redemptions.status": dict(Redemption.Status.choices),
    "ruling": dict(Dispute.Ruling.choices),
}
