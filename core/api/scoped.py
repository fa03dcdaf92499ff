"""What every keyed view of the API has in common: a valid key, a scope, an exact limit, a strictly read body, and writes
that are done once however often they are sent.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, cast

from django.db import transaction
from django.http import HttpResponse
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.views import APIView

from core import clock, idempotency, limits
from core.api.bodies import read_body
from core.api.callers import Caller
from core.api.contract import Operation
from core.api.parameters import Parameters
from core.api.preconditions import refuse_if_match
from core.api.problems import MEDIA_TYPE as PROBLEM
from core.api.problems import exception_handler
from core.api.renderers import JSONRenderer
from core.api.views import FirstRenderer
from core.errors import DomainError

__all__ = ["ScopedView"]


class ScopedView(APIView):
    """A view for partners' programs. None of it is for browsers: no cookie, no CORS, no caching on the way."""

    content_negotiation_class = FirstRenderer
    http_method_names = ["get", "head", "post"]
    # Method → what it does, for the contract.
    operations: ClassVar[Mapping[str, Operation]] = {}
    # Method → scope, by noun and verb. What is not named here is closed.
    required_scopes: ClassVar[Mapping[str, str]] = {}

    now: datetime
    # The parameters of the query: those that the operation declares.
    asked: Parameters
    # The permanent name of what a write does: the same for the same key of the same program.
    op_id: uuid.UUID
    _counted: limits.Counted | None = None

    @property
    def caller(self) -> Caller:
        return cast("Caller", self.request.auth)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who is calling, how often, and whether that is allowed; all before anything in the request is read."""
        self.now = clock.now()
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        super().initial(request, *args, **kwargs)
        declared = self.operations.get("GET" if request.method == "HEAD" else str(request.method))
        self.asked = Parameters(request.GET, single=declared.single if declared else ())
        refuse_if_match(request)

    def perform_authentication(self, request: Request) -> None:
        """Find out who is calling; every call made with a valid key is counted, whatever comes of it."""
        super().perform_authentication(request)
        if isinstance(request.auth, Caller):
            self._counted = request.auth.counted
            self._counted.enforce()

    def write_once(
        self,
        effect: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        beforehand: Callable[[dict[str, Any]], object] | None = None,
        refused: Callable[[DomainError], None] | None = None,
    ) -> HttpResponse:
        """Do `effect` with the body that was sent, and answer 201 with what it returns; a repetition gets the same answer.

        What `effect` does and the answer are one transaction. `beforehand` runs outside of it, and for a repetition too; it
        is for counting tries, which no refusal may undo. `refused` is told of a refusal once, just before it is kept; what
        it writes is kept with it.
        Raises: DomainError, of the kinds that are not kept.
        """
        key, body, digest = self._wish()
        if beforehand is not None:
            beforehand(body)

        def answered() -> idempotency.Answer:
            try:
                with transaction.atomic():
                    return idempotency.Answer(201, JSONRenderer().render(effect(body)))
            except DomainError as refusal:
                if refused is not None:
                    refused(refusal)
                return self._kept_refusal(refusal)

        answer = idempotency.once(client=self.caller.code, key=key, digest=digest, effect=answered, at=self.now)
        return self._sent(answer)

    def write_in_one_call(
        self,
        effect: Callable[[dict[str, Any], idempotency.Memo], Any],
        *,
        answer: Callable[[Any], dict[str, Any]],
        refused: Callable[[DomainError], None],
    ) -> HttpResponse:
        """Like `write_once`, for a verb that writes by one call of the database, which also keeps the `answer` made from
        the result.

        `refused` is told of a refusal once, when it is kept.   Raises: DomainError, of the kinds that are not kept.
        """
        key, body, digest = self._wish()
        memo = idempotency.Memo(
            client=self.caller.code, key=key, digest=digest, render=lambda made: JSONRenderer().render(answer(made))
        )

        refusals: list[DomainError] = []

        def answered() -> idempotency.Answer:
            refusals.clear()
            try:
                return memo.answer_for(effect(body, memo))
            except DomainError as refusal:
                refusals.append(refusal)
                return self._kept_refusal(refusal)

        given = idempotency.once_in_one_call(memo=memo, effect=answered, at=self.now)
        if refusals and not given.is_replayed:
            refused(refusals[0])
        return self._sent(given)

    def _wish(self) -> tuple[str, dict[str, Any], str]:
        """The key, the body, and what makes this request the same as another.   Raises: what reading them raises."""
        key = idempotency.read_key(self.request.META.get("HTTP_IDEMPOTENCY_KEY"))
        body = read_body(self.request)
        self.op_id = idempotency.op_id(self.caller.code, key)
        return key, body, idempotency.digest(str(self.request.method), self.request.path, body)

    def _kept_refusal(self, refusal: DomainError) -> idempotency.Answer:
        """The answer to a refusal that repetitions get as well.   Raises: the refusal itself, if its kind is not kept."""
        if not idempotency.is_kept(refusal.status):
            raise refusal
        said = exception_handler(refusal, {"view": self})
        assert said is not None  # noqa: S101 - every DomainError has an answer
        return idempotency.Answer(refusal.status, JSONRenderer().render(said.data))

    @staticmethod
    def _sent(answer: idempotency.Answer) -> HttpResponse:
        response = HttpResponse(
            answer.body, status=answer.status, content_type=PROBLEM if answer.status >= 400 else JSONRenderer.media_type
        )
        if answer.is_replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="fengchao"'
        if self._counted is not None:
            # The form of draft-ietf-httpapi-ratelimit-headers since its eighth version.
            counted = self._counted
            response.headers["RateLimit-Policy"] = f'"calls";q={counted.limit.calls};w={counted.limit.window_s}'
            response.headers["RateLimit"] = f'"calls";r={counted.calls_left};t={counted.seconds_left}'
        return response
