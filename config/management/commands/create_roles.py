"""`manage.py create_roles`: the role that server and worker run as."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.roles import RUNTIME_ROLE, create_runtime_role

SHORTEST_PASSWORD = 16


class Command(BaseCommand):
    """Run it as the owner of the tables, after each migration."""

    help = str(gettext_lazy("Make the database role that server and worker run as, or bring its rights up to date."))

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default=RUNTIME_ROLE, help=_("name of the role (fengchao_app)"))
        parser.add_argument(
            "--password-file", required=True, help=_("file with its password, of 16 characters or more")
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        try:
            with open(options["password_file"], encoding="utf-8") as file:  # noqa: PTH123 - also /dev/stdin
                password = file.read().strip()
        except OSError as error:
            raise CommandError(str(error)) from error
        if len(password) < SHORTEST_PASSWORD:
            raise CommandError(_("The password is shorter than 16 characters."))
        try:
            name = create_runtime_role(name=options["name"], password=password)
        except DatabaseError as error:  # not as the owner, or before the tables are there
            raise CommandError(str(error).strip()) from error
        self.stdout.write(_("{name} may read and write, and owns nothing.").format(name=name))
