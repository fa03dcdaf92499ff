"""Finds a Chromium for the browser tests and installs Debian's if it may; otherwise says in one sentence what to type."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The same engine without a window to draw: it needs two thirds of the time, and has no camera.
SHELL = "chromium-headless-shell"
PACKAGES = ("chromium", SHELL, "fonts-noto-cjk")
ADVICE = (
    "No Chromium was found for the browser tests. Type `sudo apt-get install chromium fonts-noto-cjk` "
    "(or install Chrome and set CHROMIUM=/path/to/it), then `make test` again.\n"
)


def find(*, with_camera: bool = True) -> str | None:
    """The browser to drive: $CHROMIUM, or the first of the usual names on the PATH."""
    names = NAMES if with_camera else (SHELL, *NAMES)
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def install() -> None:
    """Install Debian's packages if we are root on a machine with apt; elsewhere do nothing."""
    apt = shutil.which("apt-get")
    if os.geteuid() == 0 and apt is not None:
        sys.stdout.write("Installing Chromium and a Chinese font for the browser tests …\n")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        # One by one, so that the rest is installed even where the headless shell is not available.
        for command in (["update"], *(["install", "-y", package] for package in PACKAGES)):
            subprocess.run([apt, "-qq", *command], env=environment, check=False, stdout=subprocess.DEVNULL)


def main() -> int:
    if find() is None:
        install()
    if find() is None:
        sys.stderr.write(ADVICE)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
