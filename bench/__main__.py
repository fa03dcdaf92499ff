"""Sets the environment, then measures: see bench/measuring.py."""

import os

import django

os.environ.setdefault("SECRET_KEY", "of-the-benchmark-and-nowhere-else")
os.environ.setdefault("HTTPS", "off")
os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"


def main() -> None:
    django.setup()
    from bench.measuring import main as measure  # the models can be imported only now

    measure()


if __name__ == "__main__":
    main()
