"""The desk for partners' programs: who they are, where they may act, and their keys, each shown once."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import ForAdministrators, name_in_trail
from core.admin_site import FengchaoAdminSite, WorkList
from core.errors import DomainError
from core.models import User
from partners import clients, keys
from partners.clients import ClientFacts
from partners.models import LONGEST_LIFE, ApiKey, Client, Scope
from stations.admin.overview import COUNT_LIMIT, SHOWN, said_number

__all__ = ["ClientAdmin"]

USUAL_DAYS = 365


class ClientForm(forms.ModelForm[Client]):
    scopes = forms.MultipleChoiceField(
        label=_("scopes"), choices=Scope, required=False, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Client
        fields = ["code", "name", "contact", "kind", "divisions", "scopes", "calls_per_minute", "is_active"]


class IssueForm(forms.Form):
    days = forms.IntegerField(label=_("valid for (days)"), min_value=1, max_value=LONGEST_LIFE.days, initial=USUAL_DAYS)
    # How many keys the page showed, so that tapping twice issues only one key.
    keys_seen = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


class RevokeForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=120)


@admin.register(Client)
class ClientAdmin(ForAdministrators):
    audit_type = "client"
    audits_itself = True
    menu_group = _("Partners")
    menu_position = 800
    form = ClientForm
    autocomplete_fields = ("divisions",)
    list_display = ("name", "code", "kind", "is_active", "living_keys")
    list_filter = ("kind", "is_active")
    search_fields = ("code", "name")
    ordering = ("code",)
    fieldsets = [
        (None, {"fields": ["code", "name", "contact", "kind", "is_active"]}),
        (_("What it may do"), {"fields": ["divisions", "scopes", "calls_per_minute"]}),
        (_("Keys"), {"fields": ["shown_keys"]}),
    ]
    readonly_fields = ("shown_keys",)

    def audit_code(self, obj: Any) -> str:
        return str(obj.code)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        # Witnesses and answers are kept under the code, and a key contains its kind.
        return ("code", "kind", "shown_keys") if obj else ("shown_keys",)

    # ── The list and the page ───────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("living keys"))
    def living_keys(self, client: Client) -> int:
        now = clock.now()
        return sum(key.revoked_at is None and key.expires_at > now for key in client.keys.all())

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("keys")

    @admin.display(description=_("keys"))
    def shown_keys(self, client: Client) -> SafeString | str:
        if client.pk is None:
            return gettext("Save first, then issue a key.")
        rows = format_html_join("", "<li>{}</li>", ((self._key_line(client, key),) for key in client.keys.all()))
        return format_html(
            '<ul class="keys">{}</ul><a class="button" href="{}">{}</a>',
            rows,
            reverse("admin:partners_client_issue_key", args=[client.pk]),
            gettext("Issue a key"),
        )

    @staticmethod
    def _key_line(client: Client, key: ApiKey) -> SafeString:
        line = format_html("<code>{}</code> {}", key.prefix, _said_state(key))
        if key.revoked_at is not None or key.expires_at <= clock.now():
            return line
        page = reverse("admin:partners_client_revoke_key", args=[client.pk, key.prefix])
        return format_html('{} <a href="{}">{}</a>', line, page, gettext("Revoke"))

    # ── Saving goes through the verbs ───────────────────────────────────────────────────────────────────────────────

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing yet: the client and its divisions are one change, made in `save_related`."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: ARG002
        cleaned, by, at = form.cleaned_data, _user(request), clock.now()
        facts = ClientFacts(
            name=cleaned["name"],
            contact=cleaned["contact"],
            divisions=list(cleaned["divisions"]),
            scopes=cleaned["scopes"],
            calls_per_minute=cleaned["calls_per_minute"],
            is_active=cleaned["is_active"],
        )
        if change:
            client = clients.change(client=form.instance, facts=facts, at=at, actor=by)
        else:
            client = clients.register(code=cleaned["code"], kind=cleaned["kind"], facts=facts, at=at, actor=by)
        # The admin goes on using its own object, which should be the one that was saved.
        form.instance.__dict__.update(client.__dict__)

    def construct_change_message(self, *_args: Any, **_kwargs: Any) -> list[Any]:
        """Empty: the verbs have written what changed, with before and after."""
        return []

    # ── Keys ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/keys/new/", view(self.issue_key), name="partners_client_issue_key"),
            path("<int:pk>/keys/<slug:prefix>/revoke/", view(self.revoke_key), name="partners_client_revoke_key"),
            *super().get_urls(),
        ]

    def _client(self, request: HttpRequest, pk: int) -> Client:
        if not self._may(request):
            raise PermissionDenied
        client: Client | None = self.get_queryset(request).filter(pk=pk).first()
        if client is None:
            raise Http404
        return client

    def issue_key(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for how long, then shows the new key: only in this answer, not in a URL, a cookie or a message.

        The admin forbids all caching of its answers.
        """
        client = self._client(request, pk)
        form = IssueForm(request.POST or None, initial={"days": USUAL_DAYS, "keys_seen": client.keys.count()})
        if request.method != "POST" or not form.is_valid():
            return self._key_page(request, client, gettext("Issue a key"), "issue_key", form=form)
        try:
            issued = keys.issue(
                client=client,
                at=clock.now(),
                actor=_user(request),
                days=form.cleaned_data["days"],
                keys_seen=form.cleaned_data["keys_seen"],
            )
        except DomainError as refusal:
            return self._refused(request, client, refusal)
        return self._key_page(request, client, gettext("The new key"), "key_issued", issued=issued)

    def revoke_key(self, request: HttpRequest, pk: int, prefix: str) -> HttpResponse:
        client = self._client(request, pk)
        key = client.keys.filter(prefix=prefix).first()
        if key is None:
            raise Http404
        form = RevokeForm(request.POST or None)
        if request.method != "POST" or not form.is_valid():
            return self._key_page(
                request, client, gettext("Revoke a key"), "revoke_key", form=form, key=key, state=_said_state(key)
            )
        try:
            keys.revoke(key=key, reason=form.cleaned_data["reason"], at=clock.now(), actor=_user(request))
        except DomainError as refusal:
            return self._refused(request, client, refusal)
        self.message_user(request, gettext("The key {prefix} is refused from now on.").format(prefix=prefix))
        return HttpResponseRedirect(reverse("admin:partners_client_change", args=[pk]))

    def _refused(self, request: HttpRequest, client: Client, refusal: DomainError) -> HttpResponse:
        self.message_user(request, str(refusal), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:partners_client_change", args=[client.pk]))

    def _key_page(
        self, request: HttpRequest, client: Client, title: str, template: str, **context: Any
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": None,
            "client": client,
            "opts": self.opts,
            "whoami": request.build_absolute_uri("/api/v1/whoami/"),
            **context,
        }
        return TemplateResponse(request, f"admin/partners/{template}.html", context)


def _said_state(key: ApiKey) -> str:
    """Whether it is valid, until when to the minute, since it ends at the hour at which it was issued; and its last use."""
    if key.revoked_at is not None:
        state = gettext("revoked on {day}").format(day=_minute(key.revoked_at))
    else:
        is_over = key.expires_at <= clock.now()
        said = gettext("expired on {day}") if is_over else gettext("valid until {day}")
        state = said.format(day=_minute(key.expires_at))
    used = gettext("last used on {day}").format(day=key.last_used_on) if key.last_used_on else gettext("never used")
    return f"{state} · {used}"


def _minute(at: datetime) -> str:
    return f"{clock.to_local(at):%Y-%m-%d %H:%M}"


def work_lists(request: HttpRequest) -> list[WorkList]:
    """The programs that will be shut out soon, or are already, because nobody gave them their next key."""
    if not admin.site._registry[Client].has_view_permission(request):
        return []
    found: list[Any] = list(Client.objects.running_out(at=clock.now()).order_by("ends_at")[: COUNT_LIMIT + 1])
    return [
        WorkList(
            _("Partners' keys that run out"),
            _("Issue a second key and hand it over while the first still works; or switch the program off."),
            said_number(len(found)),
            [
                (f"{each.name} · {_minute(each.ends_at)}", reverse("admin:partners_client_change", args=[each.pk]))
                for each in found[:SHOWN]
            ],
            f"{reverse('admin:partners_client_changelist')}?is_active__exact=1",
        )
    ]


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.add_work(work_lists)

name_in_trail(
    {
        "client.registered": _("program registered"),
        "client.changed": _("program changed"),
        "client.key-issued": _("key issued"),
        "client.key-revoked": _("key revoked"),
        "prefix": _("API key"),
        "expires_at": _("valid until"),
        "contact": _("contact"),
        "divisions": _("divisions"),
        "scopes": _("scopes"),
        "calls_per_minute": _("calls a minute"),
        "is_active": _("active"),
        **{str(scope.value): scope.label for scope in Scope},
        "live": _("live"),
        "sandbox": _("sandbox"),
        "actor:demo_partner": _("the demo"),
        "actor:partner ": _("partner program"),
    }
)


def _user(request: HttpRequest) -> User:
    """The account that acts; the admin lets nobody else come here."""
    assert isinstance(request.user, User)  # noqa: S101 - narrows the type
    return request.user
