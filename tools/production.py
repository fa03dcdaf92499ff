"""`manage.py` under production settings, for checks that must hold there: `python -m tools.production check --deploy`.

The values are made up; no command that is run through here connects to the database they name.
"""

import base64
import os
import secrets
import sys


def _key(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode()


def main() -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DEBUG": "off",
        "HTTPS": "on",
        "ALLOWED_HOSTS": "fengchao.example.cn",
        "COURIER_KEYS": f"1:{_key(64)}",
        "COURIER_INDEX_KEY": _key(32),
        "LEDGER_SEAL_KEY": secrets.token_urlsafe(32),
        "DATABASE_URL": "postgres://fengchao@db.example.cn/fengchao",
    }
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()
