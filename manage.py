#!/usr/bin/env python
"""The project's command line: `python manage.py help` lists the commands.

What an operator has to set right (settings, a database that refuses) is said in a sentence; `--traceback` shows where.
"""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import Error

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read along has enough, as `head` does. What is flushed at the very end goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ImproperlyConfigured, Error) as error:
        if "--traceback" in sys.argv:
            raise
        sys.stderr.write(f"{type(error).__name__}: {str(error).strip()}\n")
        sys.exit(2)  # nothing could be done; a 1 may be what the command found


if __name__ == "__main__":
    main()
