"""Which views a caller may use: closed, unless the view names a scope and the caller has it."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.api.callers import Caller
from core.api.errors import KeyMissing, ScopeMissing, ViewClosed

__all__ = ["ANY_KEY", "HasScope"]

# The scope of what every valid key may ask, such as who it is.
ANY_KEY = "any-key"


class HasScope(BasePermission):
    """The permission of every view that names no other, so one that nobody gave a scope is closed to all."""

    def has_permission(self, request: Request, view: object) -> bool:
        """True, or a refusal that says what is missing.   Raises: KeyMissing, ViewClosed, ScopeMissing."""
        if not isinstance(request.auth, Caller):
            raise KeyMissing
        method = "GET" if request.method == "HEAD" else str(request.method)
        scope = getattr(view, "required_scopes", {}).get(method, "")
        if not scope:
            raise ViewClosed
        if scope != ANY_KEY and scope not in request.auth.scopes:
            raise ScopeMissing(scope=scope)
        return True
