"""The part of curl that the quick start needs, for machines without it: -s, -i, -X, -H and -d, each as curl understands it."""

import argparse
import sys
import urllib.error
import urllib.request


def main() -> int:
    read = argparse.ArgumentParser()
    read.add_argument("-s", "--silent", action="store_true")
    read.add_argument("-i", "--include", action="store_true")
    read.add_argument("-X", "--request")
    read.add_argument("-H", "--header", action="append", default=[])
    read.add_argument("-d", "--data")
    read.add_argument("address")
    given = read.parse_args()
    request = urllib.request.Request(  # noqa: S310 - the address of the test's own server
        given.address,
        data=None if given.data is None else given.data.encode(),
        headers={name.strip(): value.strip() for name, _colon, value in (each.partition(":") for each in given.header)},
        method=given.request,
    )
    # No proxy from the environment may come between us and a server on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        answer = opener.open(request, timeout=30)
    except urllib.error.HTTPError as refused:
        answer = refused
    if given.include:
        sys.stdout.write(f"HTTP/1.1 {answer.status}\n{answer.headers}")
    sys.stdout.write(answer.read().decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
