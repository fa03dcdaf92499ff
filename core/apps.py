from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = _("Accounts and audit trail")


class OfficeAdminConfig(AdminConfig):
    """Django's admin, with our site in the place of its own."""

    default_site = "core.admin_site.FengchaoAdminSite"
