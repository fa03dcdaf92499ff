"""The refusals at the doors of the API. Each code is a promise to programs, each title says what to do."""

from django.utils.translation import gettext_lazy as _

from core.errors import InvalidValue, SelfExplained

__all__ = [
    "AuthorizationRepeated",
    "BodyMissing",
    "BodyNoJson",
    "BodyNoObject",
    "BodyNoUtf8",
    "BodyTooDeep",
    "BodyTooLarge",
    "ClientInactive",
    "KeyExpired",
    "KeyMalformed",
    "KeyMissing",
    "KeyRevoked",
    "KeyUnknown",
    "LoneSurrogate",
    "MatchAny",
    "MemberMissing",
    "MemberRepeated",
    "NotAcceptable",
    "NulInText",
    "NumberNotFinite",
    "PreconditionFailed",
    "ScopeMissing",
    "Unavailable",
    "UnknownMember",
    "UnsupportedMediaType",
    "ViewClosed",
]


# ── Who calls ───────────────────────────────────────────────────────────────────────────────────────────────────────


class KeyMissing(SelfExplained):
    code, status = "key_missing", 401
    title = _("This address needs a key.")
    way_out = _("Send it as “Authorization: Bearer …”.")


class AuthorizationRepeated(SelfExplained):
    code, status = "authorization_repeated", 401
    title = _("Authorization was sent twice.")
    way_out = _("Send one header with one key.")


class KeyMalformed(SelfExplained):
    code, status = "key_malformed", 401
    title = _("This is no key of ours.")
    way_out = _("Send “Authorization: Bearer” and the key as it was shown, nothing else.")


class KeyUnknown(SelfExplained):
    """No such key, or the wrong secret for one that exists: both get the same answer after the same work."""

    code, status = "key_unknown", 401
    title = _("This key is not known.")
    way_out = _("Check that it was copied whole, or ask for a new one.")


class KeyExpired(SelfExplained):
    code, status = "key_expired", 401
    title = _("This key has expired.")
    way_out = _("Ask for a new one.")


class KeyRevoked(SelfExplained):
    code, status = "key_revoked", 401
    title = _("This key was revoked.")
    way_out = _("Use your other key, or ask for a new one.")


class ClientInactive(SelfExplained):
    code, status = "client_inactive", 401
    title = _("This program is switched off.")
    way_out = _("Ask the office that keeps it.")


class ScopeMissing(SelfExplained):
    """The key is valid, but its client may not do this. `scope` is the one it would need."""

    code, status = "scope_missing", 403
    title = _("Your program may not do this.")
    way_out = _("Ask for the scope that the answer names.")


class ViewClosed(SelfExplained):
    """A view that declares no scope. Only a mistake of ours leads here, and then the view stays closed."""

    code, status = "view_closed", 403
    title = _("This address is closed.")
    way_out = _("It is closed by a mistake of ours. Tell us the address.")


class Unavailable(SelfExplained):
    """The database was lost in the middle of the request, or does not answer. What was under way was done completely or not
    at all; repeating the request under the same key shows which.
    """

    code, status = "unavailable", 503
    title = _("The service is away for a moment.")
    way_out = _("Wait and send the request again; a write with the same key, so that it is done once.")


# ── What is asked for ───────────────────────────────────────────────────────────────────────────────────────────────


class NotAcceptable(SelfExplained):
    """None of the formats that `Accept` names is available here. `supported` lists those that are."""

    code, status = "not_acceptable", 406
    title = _("This address has no such format.")
    way_out = _("Ask with one of the formats that the answer lists, or without Accept.")


class PreconditionFailed(SelfExplained):
    code, status = "precondition_failed", 412
    title = _("If-Match cannot be met here: nothing was done.")
    way_out = _("The tags of this API are weak, for If-None-Match alone. Send the request without If-Match.")


class MatchAny(SelfExplained):
    code, status = "if_match_any", 412
    title = _("“If-Match: *” names no version: nothing was done.")
    way_out = _("Nothing here is changed by its version. Send the request without If-Match.")


# ── What is sent ────────────────────────────────────────────────────────────────────────────────────────────────────


class UnsupportedMediaType(SelfExplained):
    code, status = "unsupported_media_type", 415
    title = _("The body is not said to be JSON.")
    way_out = _("Send “Content-Type: application/json”, in UTF-8 and not compressed.")


class BodyTooLarge(SelfExplained):
    code, status = "body_too_large", 413
    title = _("The body is too large.")


class BodyMissing(SelfExplained):
    code, status = "body_missing", 400
    title = _("There is no body.")
    way_out = _("Send a JSON object with its Content-Length, at least {}.")


class BodyNoUtf8(SelfExplained):
    code, status = "body_not_utf8", 400
    title = _("The body is no UTF-8 text.")
    way_out = _("Encode it as UTF-8.")


class BodyNoJson(SelfExplained):
    code, status = "body_not_json", 400
    title = _("The body is no JSON.")
    way_out = _("Let a JSON library write it.")


class BodyTooDeep(SelfExplained):
    code, status = "body_too_deep", 400
    title = _("The body is nested too deeply.")
    way_out = _("Send the members that the guide lists.")


class BodyNoObject(SelfExplained):
    code, status = "body_not_an_object", 400
    title = _("The body is no JSON object.")
    way_out = _("Send an object, such as {}.")


class NumberNotFinite(SelfExplained):
    code, status = "number_not_finite", 400
    title = _("NaN, Infinity and numbers beyond all bounds are no JSON.")
    way_out = _("Send a number, or leave the member out.")


class NulInText(SelfExplained):
    code, status = "nul_in_text", 400
    title = _("A text holds the character NUL.")
    way_out = _("Send it without.")


class LoneSurrogate(SelfExplained):
    code, status = "lone_surrogate", 400
    title = _("A text holds half of a surrogate pair, which is no character.")
    way_out = _("Send whole characters.")


class MemberRepeated(SelfExplained):
    """One name twice in one object: which of the two counts differs from library to library."""

    code, status = "repeated_member", 400
    title = _("A member is given twice.")
    way_out = _("Send it once.")


class UnknownMember(InvalidValue):
    code = "unknown_member"
    title = _("There is no such member.")


class MemberMissing(InvalidValue):
    code = "missing_member"
    title = _("A member is missing.")
