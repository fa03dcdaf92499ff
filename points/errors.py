"""The refusals of `points`. Their numbers (balance, needed) are for people and programs alike."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, SelfExplained

__all__ = [
    "CountUnwitnessed",
    "FundEmpty",
    "GiftOfAnotherDistrict",
    "NotEnoughPoints",
    "NothingReversed",
    "OperationReused",
    "OutOfStock",
    "PostingReasonMissing",
    "ReversedAlready",
]


class NotEnoughPoints(DomainError):
    code, status = "not_enough_points", 409
    title = _("The points do not suffice.")
    way_out = _("The answer says how many there are and how many are needed.")


class OutOfStock(DomainError):
    code, status = "out_of_stock", 409
    title = _("The station has not so many of this gift.")
    way_out = _("Choose another gift or another station, or receive more first.")


class FundEmpty(DomainError):
    code, status = "fund_empty", 409
    title = _("The district's fund does not suffice.")
    way_out = _("Ask the city to allocate more points to the district.")


class OperationReused(SelfExplained):
    code, status = "operation_reused", 409
    title = _("Something else was done under this number already.")
    way_out = _("Load the page again and send it once more.")


class ReversedAlready(SelfExplained):
    code, status = "reversed_already", 409
    title = _("This has been taken back already.")
    way_out = _("Its reversal stands beside it.")


class NothingReversed(SelfExplained):
    code, status = "reversal_not_reversed", 409
    title = _("A reversal is not taken back.")
    way_out = _("Do anew what it took back.")


class PostingReasonMissing(SelfExplained):
    code, status = "posting_reason_missing", 400
    title = _("The reason is missing.")
    way_out = _("Say why, in a few words.")


class CountUnwitnessed(SelfExplained):
    code, status = "count_unwitnessed", 400
    title = _("A count needs a second person.")
    way_out = _("Name who watched; it is not the one who counted.")


class GiftOfAnotherDistrict(SelfExplained):
    code, status = "gift_of_another_district", 409
    title = _("This gift belongs to another district.")
    way_out = _("A station hands out the gifts of its own district. Choose one of those.")
