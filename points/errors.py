"""The refusals of `points`. Their numbers (balance, needed) are for people and programs alike."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, NotFound, SelfExplained

__all__ = [
    "CapReached",
    "CountUnwitnessed",
    "CourierNotMet",
    "EarnedAlready",
    "FormUnknown",
    "FundEmpty",
    "GiftNotFound",
    "GiftNotOffered",
    "GiftOfAnotherDistrict",
    "LateUnwitnessed",
    "LimitReached",
    "LineEntered",
    "NoRule",
    "NotEnoughPoints",
    "NotInReach",
    "NotWaiting",
    "NothingReversed",
    "OpenedAlready",
    "OperationReused",
    "OrdersWaiting",
    "OutOfStock",
    "OwnProposal",
    "PassWrong",
    "PostingNotFound",
    "PostingReasonMissing",
    "PresenceUnproved",
    "PriceChanged",
    "ProposalDecided",
    "RedemptionNotFound",
    "ReversedAlready",
    "SameProfile",
    "SecondPersonMissing",
    "StationNotOpen",
]


class GiftNotFound(NotFound):
    code = "gift_not_found"
    title = _("There is no gift under this code.")


class RedemptionNotFound(NotFound):
    code = "redemption_not_found"
    title = _("There is no redemption under this code.")


class PostingNotFound(NotFound):
    code = "posting_not_found"
    title = _("Your program has awarded nothing under this name.")


class NotEnoughPoints(DomainError):
    code, status = "not_enough_points", 409
    title = _("The points do not suffice.")
    way_out = _("The answer says how many there are and how many are needed.")


class OutOfStock(DomainError):
    code, status = "out_of_stock", 409
    title = _("The station does not have that many of this gift.")
    way_out = _("Choose another gift or another station, or receive more first.")


class FundEmpty(DomainError):
    code, status = "fund_empty", 409
    title = _("The district's fund does not suffice.")
    way_out = _("Ask the city to allocate more points to the district.")


class OperationReused(SelfExplained):
    code, status = "operation_reused", 409
    title = _("Something else was done under this number already.")
    way_out = _("Load the page again and send it once more; a program takes a new Idempotency-Key.")


class ReversedAlready(SelfExplained):
    code, status = "reversed_already", 409
    title = _("This has been taken back already.")
    way_out = _("Its reversal stands beside it.")


class NothingReversed(SelfExplained):
    code, status = "reversal_not_reversed", 409
    title = _("A reversal is not taken back.")
    way_out = _("Make a new posting instead of the one it took back.")


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


class NoRule(SelfExplained):
    code, status = "no_rule", 409
    title = _("No rule gives points for this today.")
    way_out = _("The city makes the rules. Ask it to make one, or choose another action.")


class EarnedAlready(SelfExplained):
    code, status = "earned_already", 409
    title = _("This has earned its points already.")
    way_out = _("It counts once. What was awarded wrongly is taken back in the courier's history.")


class CapReached(SelfExplained):
    """`limit` is how many count in a day, `left` how many are left."""

    code, status = "cap_reached", 409
    title = _("That is more than counts in a day.")
    way_out = _("Come again tomorrow.")


class SecondPersonMissing(SelfExplained):
    """`limit` is how many points one person may give alone."""

    code, status = "second_person_missing", 409
    title = _("This needs a second person.")
    way_out = _("Name a colleague who may do it as well, and is not you; a program leaves it to the office.")


class PassWrong(SelfExplained):
    code, status = "pass_wrong", 409
    title = _("This pass is wrong, was used, or is older than five minutes.")
    way_out = _("Let the courier show a new one.")


class CourierNotMet(SelfExplained):
    code, status = "courier_not_met", 409
    title = _("No steward has met this courier yet.")
    way_out = _("A steward compares the man with his phone and confirms him; then he gets his first gift.")


class StationNotOpen(SelfExplained):
    code, status = "station_not_open", 409
    title = _("This station hands out no gifts now.")
    way_out = _("Choose another station.")


class GiftNotOffered(SelfExplained):
    code, status = "gift_not_offered", 409
    title = _("This gift is not offered now.")
    way_out = _("Choose another gift.")


class PriceChanged(SelfExplained):
    """`price` is what it costs now."""

    code, status = "price_changed", 409
    title = _("The price has changed meanwhile.")
    way_out = _("Look at the new price, and decide again.")


class LimitReached(SelfExplained):
    """`limit` is how many of this gift one courier gets in a month."""

    code, status = "limit_reached", 409
    title = _("The courier has had as many of this gift as one gets in a month.")
    way_out = _("Choose another gift, or come next month.")


class NotInReach(NotFound):
    """Something that a request names is not within the door's reach. The door says what (points/api/reach.py)."""


class NotWaiting(SelfExplained):
    """`found` is the redemption's status."""

    code, status = "redemption_not_waiting", 409
    title = _("This gift does not wait to be fetched any more.")
    way_out = _("It was handed over, cancelled, or not fetched in time.")


class PresenceUnproved(SelfExplained):
    code, status = "presence_unproved", 409
    title = _("Nothing proves that the courier is here.")
    way_out = _("Let him show his pass; or name a second member of staff, and say why.")


class ReceivedAlready(DomainError):
    code, status = "received_already", 409
    title = _("This delivery stands in the books already.")
    way_out = _("If more came under the same number, tick that; else there is nothing to do.")


class OwnReset(SelfExplained):
    code, status = "own_reset", 409
    title = _("You let him choose a new PIN, or changed his number, within the last day.")
    way_out = _("Let a colleague hand over; or leave the pass empty and have a second person sign.")


class OpenedAlready(SelfExplained):
    code, status = "opened_already", 409
    title = _("The district's paper ledger was taken over for this courier already.")
    way_out = _("Take the wrong opening balance back first; then a corrected one can follow.")


class SameProfile(SelfExplained):
    code, status = "same_profile", 409
    title = _("These are one and the same profile.")
    way_out = _("Give the card of the other one, which is to end.")


class OrdersWaiting(SelfExplained):
    """`waiting` is how many."""

    code, status = "orders_waiting", 409
    title = _("Gifts are waiting for the profile that would end.")
    way_out = _("Hand them over or cancel them first.")


class ProposalDecided(SelfExplained):
    """`found` is what came of it."""

    code, status = "proposal_decided", 409
    title = _("This proposal has been decided on already.")
    way_out = _("Look at what was decided; propose anew if much has changed.")


class OwnProposal(SelfExplained):
    code, status = "own_proposal", 409
    title = _("Nobody decides on a proposal of his own.")
    way_out = _("Let a colleague who keeps the district decide.")


class QueueFull(SelfExplained):
    code, status = "queue_full", 409
    title = _("Too many wait here just now.")
    way_out = _("Wait until some have been served, then scan the code once more.")


class NotHandedOver(SelfExplained):
    """`found` is the status it has."""

    code, status = "not_handed_over", 409
    title = _("This gift was not handed over.")
    way_out = _("An order that waits is cancelled; its points come back at once.")


class DisputeTooLate(SelfExplained):
    code, status = "dispute_too_late", 409
    title = _("This was too long ago to be disputed here.")
    way_out = _("Speak with your district's office; bring the receipt number.")


class FormUnknown(SelfExplained):
    code, status = "form_unknown", 400
    title = _("This is no number of a paper form of this station.")
    way_out = _("Type it as it is printed at the top of the form.")


class LineEntered(DomainError):
    """`redemption` is its receipt number, `by` who entered it, `at` when."""

    code, status = "line_entered", 409
    title = _("This line of the form has been entered already.")
    way_out = _("Go on with the next line; what was entered of the form is listed with it.")


class LateUnwitnessed(SelfExplained):
    code, status = "late_unwitnessed", 400
    title = _("What is entered afterwards needs a second person.")
    way_out = _("Let a colleague of this counter sign with account and password.")


class DisputeDecided(SelfExplained):
    """`found` is the ruling."""

    code, status = "dispute_decided", 409
    title = _("This dispute has been decided already.")
    way_out = _("Reload the page: it says how, by whom and why.")


class DisputeOpen(SelfExplained):
    code, status = "dispute_open", 409
    title = _("The courier disputes this hand-over.")
    way_out = _("Decide the dispute: if he is right, that takes the hand-over back.")


class OwnHandOver(SelfExplained):
    code, status = "own_hand_over", 409
    title = _("Nobody decides on a hand-over that he had a hand in.")
    way_out = _("Let a colleague of the district's office decide.")
