"""The office's own admin site: a menu in plain words, and a first page that says what there is to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.contrib import admin
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path as url
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from core.signing_in import SignInForm

__all__ = ["FengchaoAdminSite", "MenuLine", "Overview", "WorkList"]


@dataclass(frozen=True, slots=True)
class WorkList:
    """Something to work off: how many there are, the first of them, and where all are listed."""

    label: str | Promise
    hint: str | Promise
    number: str
    first: Sequence[tuple[str, str]]  # (name, address)
    url: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What an app shows on the first page: what there is to do, and its own part with what its template asks for."""

    work_lists: Sequence[WorkList] = ()
    template: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def waiting(self) -> list[WorkList]:
        """The lists with something in them."""
        return [each for each in self.work_lists if each.number != "0"]

    @property
    def done(self) -> list[WorkList]:
        """The lists that are worked off."""
        return [each for each in self.work_lists if each.number == "0"]


@dataclass(frozen=True, slots=True)
class MenuLine:
    """A page in the menu, among the lists of its group, for those whom `may` lets in; `may` is called on every page."""

    name: str | Promise
    group: str | Promise
    position: int
    may: Callable[[HttpRequest], bool]


class FengchaoAdminSite(admin.AdminSite):
    """Plain Django admin under our own skin. An app says its part of the first page through `show_overview`."""

    site_title = _("Jiangcheng Fengchao office")
    site_header = _("Jiangcheng Fengchao office")
    index_title = _("Overview")
    login_form = SignInForm
    empty_value_display = "—"
    # The menu stands on the first page; beside a list it would take the room of the names.
    enable_nav_sidebar = False

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self._pages: list[tuple[str, Callable[..., HttpResponseBase], str]] = []
        self._lines: dict[str, MenuLine] = {}
        self._overview: Callable[[HttpRequest, Sequence[WorkList]], Overview] | None = None
        self._work: list[Callable[[HttpRequest], Sequence[WorkList]]] = []

    def show_page(
        self, path: str, view: Callable[..., HttpResponseBase], *, name: str, line: MenuLine | None = None
    ) -> None:
        """Add a page of an app below the office's own address, for those who may sign in; `name` is known as admin:`name`.

        With a `line` it stands in the menu.
        """
        self._pages.append((path, view, name))
        if line is not None:
            self._lines[name] = line

    def get_urls(self) -> list[Any]:
        """Without Django's /admin/r/…, which tells the address of every object of every table to every account."""
        own = [url(path, self.admin_view(view), name=name) for path, view, name in self._pages]
        return [*own, *(each for each in super().get_urls() if getattr(each, "name", "") != "view_on_site")]

    def show_overview(self, overview: Callable[[HttpRequest, Sequence[WorkList]], Overview]) -> None:
        """Let `overview` make the figures and lists of the first page; it is given what the apps above add."""
        self._overview = overview

    def add_work(self, work_lists: Callable[[HttpRequest], Sequence[WorkList]]) -> None:
        """Add to the first page what an app has to work off."""
        self._work.append(work_lists)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        # An account that is switched off is nobody from its next request on; its session still names it.
        is_switched_off = SESSION_KEY in request.session and not request.user.is_authenticated
        return super().login(request, {**(extra_context or {}), "is_switched_off": is_switched_off})

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        more = [each for work_lists in self._work for each in work_lists(request)]
        overview = self._overview(request, more) if self._overview else Overview(more)
        return super().index(request, {"overview": overview, **overview.context, **(extra_context or {})})

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The menu, made only where it is shown: Django asks for it on every page, and making it checks who may see each
        list.
        """
        return cast("list[Any]", SimpleLazyObject(lambda: self._menu(request, app_label)))

    def _menu(self, request: HttpRequest, app_label: str | None) -> list[Any]:
        """Models under the `menu_group` of their admin, in the order of `menu_position`.

        An app's name, such as "Authentication and Authorization", says nothing to an office.
        """
        apps = super().get_app_list(request, app_label)
        groups: dict[str, dict[str, Any]] = {}
        lines = [
            (
                getattr(options, "menu_position", 900),
                str(getattr(options, "menu_group", app["name"])),
                _named(model, options),
                app,
            )
            for app in apps
            for model in app["models"]
            for options in (self._registry[model["model"]],)
        ]
        if app_label is None:
            lines += [
                (line.position, str(line.group), self._page_line(name, line), {"app_label": name})
                for name, line in self._lines.items()
                if line.may(request)
            ]
        for _position, name, model, app in sorted(lines, key=lambda line: line[0]):
            group = groups.setdefault(name, {**app, "name": name, "app_url": model["admin_url"], "models": []})
            group["models"].append(model)
        return list(groups.values())

    def _page_line(self, name: str, line: MenuLine) -> dict[str, Any]:
        """A page as the menu's template takes a list."""
        return {"name": line.name, "object_name": name, "admin_url": reverse(f"admin:{name}"), "view_only": True}


def _named(model: dict[str, Any], options: Any) -> dict[str, Any]:
    """A list under the name that its admin wants in the menu."""
    return model | {"name": getattr(options, "menu_name", model["name"])}
