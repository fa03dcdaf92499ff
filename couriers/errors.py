"""The refusals of `couriers`."""

from django.utils.translation import gettext_lazy as _

from core.errors import NotFound, SelfExplained

__all__ = [
    "CardReplaced",
    "CodeNotSent",
    "CodeWrong",
    "CourierBlocked",
    "CourierErased",
    "CourierMerged",
    "CourierNotFound",
    "CourierNotSettled",
    "NoticeOutdated",
    "PhoneTaken",
    "PinLocked",
    "PinMissing",
    "PinResetClosed",
    "PinWrong",
    "ReasonMissing",
    "SignInRefused",
]


class CourierNotFound(NotFound):
    code = "courier_not_found"
    title = _("There is no courier under this code.")


class CardReplaced(SelfExplained):
    """补卡: the card that was scanned is an old one; its courier has a newer."""

    code, status = "card_replaced", 410
    title = _("This card was replaced by a newer one.")
    way_out = _("Use the newer card. Whoever has none goes to a counter with his phone.")


class NoticeOutdated(SelfExplained):
    """`notice_version` is the one that he has to read."""

    code, status = "notice_outdated", 409
    title = _("He agreed to a notice that no longer holds.")
    way_out = _("Show him the notice as it reads now, and send its version.")


class PhoneTaken(SelfExplained):
    """Who has it is not revealed, since anybody may be asking."""

    code, status = "phone_taken", 409
    title = _("This phone is registered already.")
    way_out = _(
        "Sign in with it; if you forgot the PIN, any counter gives you a new one. If your carrier gave you a number that "
        "somebody else had before, show the phone at your district's office, which takes it off the old profile and "
        "registers you."
    )


class CourierBlocked(SelfExplained):
    code, status = "courier_blocked", 409
    title = _("This courier is blocked.")
    way_out = _("His district knows why and can unblock him.")


class CourierErased(SelfExplained):
    code, status = "courier_erased", 410
    title = _("This courier was erased at his own wish.")
    way_out = _("He can register anew; what was erased does not come back.")


class CourierMerged(CourierErased):
    """合并: two profiles of one person became one, and this is not the one that goes on."""

    code = "courier_merged"
    title = _("This profile was merged into the same courier's other one.")
    way_out = _("Go on with the other one: it has the points.")


class CourierNotSettled(SelfExplained):
    """An app above holds something of his that cannot be removed yet; `held` says what."""

    code, status = "courier_not_settled", 409
    title = _("This courier cannot be erased yet.")
    way_out = _("Finish or cancel what is still under way for him first.")


class ReasonMissing(SelfExplained):
    code, status = "courier_reason_missing", 400
    title = _("The reason is missing.")
    way_out = _("Say why, in a few words.")


class PinWrong(SelfExplained):
    """`tries_left` is how many more tries are accepted for now."""

    code, status = "pin_wrong", 403
    title = _("The PIN is wrong.")
    way_out = _("Try again. Whoever forgot it gets a new one at any counter.")


class PinLocked(SelfExplained):
    code, status = "pin_locked", 429
    title = _("Too many wrong PINs.")
    way_out = _("Wait a while, or have a steward at any counter make a new one possible.")


class PinMissing(SelfExplained):
    code, status = "pin_missing", 409
    title = _("This courier has set no PIN.")
    way_out = _("A steward at any counter shows a code to scan, with which he sets one on his own phone.")


class PinResetClosed(SelfExplained):
    """Unknown, used and expired links get the same answer."""

    code, status = "pin_reset_closed", 410
    title = _("This link for a new PIN can no longer be used.")
    way_out = _("Ask the steward for another one.")


class SignInRefused(SelfExplained):
    """Unknown, without a PIN and wrong get the same answer: who is registered is nobody's business."""

    code, status = "sign_in_refused", 403
    title = _("Phone and PIN do not belong together.")
    way_out = _("Look at both once more. Whoever has no PIN, or forgot it, gets a new one at any counter.")


class CodeNotSent(SelfExplained):
    code, status = "sms_not_sent", 503
    title = _("The text message could not be sent.")
    way_out = _("Wait a minute and ask for another one, or have your district's office register you.")


class CodeWrong(SelfExplained):
    code, status = "sms_code_wrong", 403
    title = _("The code from the text message is wrong or too old.")
    way_out = _("Type the six digits of the newest message, or ask for another one.")
