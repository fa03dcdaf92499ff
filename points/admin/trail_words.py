"""What the trail says about points, in words."""

from django.utils.translation import gettext_lazy as _

from core.admin import Told, name_in_trail, words_in_trail
from points.models import Gift
from stations.models import Division, Station

__all__ = ["in_words"]

name_in_trail(
    {
        "gift.registered": _("gift registered"),
        "gift.changed": _("gift changed"),
        "gift.priced": _("gift priced"),
        "stock.received": _("gifts received"),
        "stock.moved": _("gifts moved"),
        "stock.arrived": _("gifts brought from another station"),
        "stock.counted": _("stock counted"),
        "stock.scrapped": _("gifts scrapped"),
        "fund.allocated": _("points allocated"),
        "posting.reversed": _("posting taken back"),
        "ledger.check-asked": _("check of the books asked for"),
        "ledger.broken": _("something wrong in the books"),
        "points.awarded": _("points awarded"),
        "points.expired": _("points expired"),
        "points.expiry-done": _("expiry at a month's end worked off"),
        "points.written-off": _("points written off"),
        "balance.opened": _("balance taken over from paper"),
        "expiry.rule-set": _("validity of points set"),
        "earning-rule.set": _("earning rule made"),
        "earning-rule.ended": _("earning rule ended"),
        "award-limit.set": _("limit of awards made"),
        "most_a_day": _("at most a day"),
        "most_alone": _("at once without a second person"),
        "valid_through": _("valid through"),
        "redemption.ordered": _("gift ordered"),
        "redemption.handed-over": _("gift handed over"),
        "redemption.entered-late": _("gift entered from a paper form"),
        "form": _("paper form"),
        "happened": _("when it happened"),
        "redemption.cancelled": _("order cancelled"),
        "redemption.expired": _("order not fetched in time"),
        "redemption.returned": _("hand-over taken back"),
        "dispute.opened": _("redemption disputed"),
        "dispute.upheld": _("dispute upheld, points given back"),
        "dispute.dismissed": _("dispute dismissed"),
        "redemption": _("redemption"),
        "gift": _("gift"),
        "pieces": _("pieces"),
        "points": _("points"),
        "valid_from": _("valid from"),
        "is_offered": _("offered"),
        "most_a_month": _("at most so many a month"),
        "difference": _("difference"),
        "witness": _("watched by"),
        "document": _("document"),
        "to": _("to"),
        "sent_from": _("from"),
        "cut_off": _("month's end"),
        "couriers": _("couriers"),
        "months": _("months"),
        "taken_back": _("taken back"),
        "approver": _("second person"),
        "district": _("district"),
        "station": _("station"),
        "demo.points-seeded": _("demo books made"),
        "postings": _("postings"),
        "redemptions": _("redemptions"),
        "actor:demo_points": _("the demo"),
        "actor:load_gifts": _("a command"),
    }
)


def in_words(told: set[Told]) -> dict[Told, str]:
    """Gifts, stations and districts by their names. At most four queries, however many values there are."""
    words: dict[Told, str] = {}
    for fact, model in (("gift", Gift), ("to", Station), ("sent_from", Station), ("station", Station)):
        codes = {value for name, value in told if name == fact}
        if codes:
            words |= {(fact, each.code): str(each) for each in model._default_manager.filter(code__in=codes)}
    codes = {value for name, value in told if name == "district"}
    if codes:
        words |= {("district", each.code): each.label for each in Division.objects.filter(pk__in=codes)}
    return words


words_in_trail(in_words)
