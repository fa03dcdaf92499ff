"""What `manage.py … --help` says about the project's own commands, in both languages."""

import importlib
import re

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.utils import translation

OWN = sorted(
    (app, name)
    for name, app in get_commands().items()
    if isinstance(app, str) and (settings.BASE_DIR / app.partition(".")[0]).is_dir() and name != "embedded_postgres"
)


def said(app: str, name: str, language: str) -> list[str]:
    """The command's own sentences, without those that Django gives to all."""
    with translation.override(language):
        importlib.reload(importlib.import_module(f"{app}.management.commands.{name}"))
        command = load_command_class(app, name)
        common = {action.dest for action in BaseCommand().create_parser("manage.py", name)._actions}
        parser = command.create_parser("manage.py", name)
        return [command.help, *(each.help for each in parser._actions if each.help and each.dest not in common)]


@pytest.mark.parametrize(("app", "name"), OWN, ids=[name for _app, name in OWN])
def test_help_is_said_in_the_language_of_the_city_and_in_english(app: str, name: str) -> None:
    english, chinese = said(app, name, "en"), said(app, name, "zh-hans")
    assert len(chinese) == len(english)
    assert all(re.search(r"[\u4e00-\u9fff]", sentence) for sentence in chinese), chinese
    assert all(re.match(r"[A-Za-z]", sentence) for sentence in english), english
