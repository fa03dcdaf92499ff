"""The admin's lists in a town of 200,000 stations with 1,000,000 rows of everything that grows: the CPU time of each page."""

import time
from collections.abc import Iterable

import psutil  # type: ignore[import-untyped]
from django.db import connection
from django.test import Client

from core import clock
from core.models import User
from stations.models import Division, Duty, StaffRole, VisitLink

__all__ = ["fill_desk", "measure_admin", "measure_pages", "use_accounts"]

ROWS = 1_000_000
VISITS = 200_000
ACCOUNTS = {"city": "4201", "district": "420106", "subdistrict": "420106003"}
STATIONS, TRAIL = "/admin/stations/station/", "/admin/core/auditevent/"
PAGES: tuple[tuple[str, str], ...] = (
    ("first page", "/admin/"),
    ("at a glance, a district", "/admin/glance/420106/"),
    ("stations", STATIONS),
    ("stations, last counted page", f"{STATIONS}?p=100"),
    ("stations, two filters", f"{STATIONS}?status__exact=published&tier__exact=1"),
    ("stations, of a district", f"{STATIONS}?district=420106"),
    ("stations, open now", f"{STATIONS}?open=now"),
    ("stations, usable today", f"{STATIONS}?open=today"),
    ("stations, with a rare amenity", f"{STATIONS}?amenity=shower"),
    ("stations, with a common amenity", f"{STATIONS}?amenity=hot-water"),
    ("stations, of a zone (none)", f"{STATIONS}?zone=none"),
    ("stations, suspended (none)", f"{STATIONS}?status__exact=suspended"),
    ("stations, search of many", f"{STATIONS}?q=工会"),
    ("stations, search of few", f"{STATIONS}?q=徐家棚邮政站7"),
    ("stations, search of none", f"{STATIONS}?q=不存在的站"),
    *((f"stations, to do: {kind}", f"{STATIONS}?todo={kind}") for kind in (
        "doubted", "draft", "lacking", "no-hours", "no-position", "unproved", "no-tier",
    )),
    ("map entries", f"{STATIONS}map-listing/"),
    ("confirmations", "/admin/stations/confirmation/"),
    ("confirmations, filtered", "/admin/stations/confirmation/?outcome__exact=moved&channel__exact=staff"),
    ("confirmations, at doors in 7 days", "/admin/stations/confirmation/?days=7&channel__in=staff,door"),
    ("confirmations of a district in 7 days", "/admin/stations/confirmation/?days=7&division=420106"),
    ("confirmations of a station", "/admin/stations/confirmation/?q=WH-06-0000001"),
    ("uses", "/admin/stations/stationuse/"),
    ("uses in 7 days", "/admin/stations/stationuse/?days=7"),
    ("uses of a district in 7 days", "/admin/stations/stationuse/?days=7&division=420106"),
    ("links for checks", "/admin/stations/visitlink/"),
    ("links for checks, not used yet", "/admin/stations/visitlink/?state=open"),
    ("reports from the door", "/admin/stations/visitreport/"),
    ("reports from the door, waiting", "/admin/stations/visitreport/?state__exact=sent"),
    ("notices", "/admin/core/notice/"),
    ("trail", TRAIL),
    ("trail, about accounts", f"{TRAIL}?about=account"),
    ("trail of a station", f"{TRAIL}?q=WH-06-0000001"),
    ("roles", "/admin/stations/staffrole/"),
    ("divisions", "/admin/stations/division/"),
    ("amenities", "/admin/stations/amenity/"),
    ("day types of a month", "/admin/stations/daytype/?date__year=2026&date__month=6"),
)  # fmt: skip


def fill_desk() -> None:
    """Add a million confirmations, days of use and events of the trail, and the accounts, unless they are there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM core_auditevent)")
        if not cursor.fetchone()[0]:
            cursor.execute(
                "INSERT INTO stations_confirmation (station_id, outcome, channel, witness, confirmed_at)"
                " SELECT 1 + n %% 200000, (ARRAY['entered','entered','entered','locked','broken'])[1 + n %% 5],"
                " (ARRAY['door','remote'])[1 + n %% 2], md5(n::text), now() - n * interval '30 seconds'"
                " FROM generate_series(%s, 1, -1) n",
                [ROWS],
            )
            cursor.execute(
                "INSERT INTO stations_stationuse (station_id, date, uses, satisfied, dissatisfied)"
                " SELECT 1 + n %% 200000, current_date - n / 200000, n %% 40, n %% 9, n %% 3"
                " FROM generate_series(0, %s) n",
                [ROWS - 1],
            )
            cursor.execute(
                "INSERT INTO core_auditevent (kind, subject_type, subject_code, actor_name, data, occurred_at)"
                " SELECT 'station.changed', 'station', code, 'import_stations',"
                ' \'{"changed": {"tier": {"before": 3, "after": 2}}}\', now() - n * interval \'1 minute\''
                " FROM generate_series(%s, 1, -1) n JOIN stations_station ON id = 1 + n %% 200000",
                [ROWS],
            )
            cursor.execute("VACUUM ANALYZE")
    use_accounts()
    if not VisitLink.objects.exists():
        _fill_visits(User.objects.get(username="root"))


def use_accounts() -> None:
    """Make the accounts of the desk that do not exist yet."""
    User.objects.get_or_create(username="root", defaults={"is_staff": True, "is_superuser": True})
    for name, scope in ACCOUNTS.items():
        account, is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        if is_new or not account.staff_roles.exists():
            division = Division.objects.get(pk=scope)
            StaffRole.objects.create(
                user=account, division=division, duties=[Duty.MANAGE, Duty.AUDIT], starts_at=clock.now()
            )


def _fill_visits(by: User) -> None:
    """200,000 links over a year; half of them brought a report, and one report in a hundred waits for a decision."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO stations_visitlink (station_id, token_digest, made_by_id, made_at, expires_at, used_at)"
            " SELECT 1 + (n * 7919) %% 200000, encode(sha256(n::text::bytea), 'hex'), %s, made, made + interval '7 days',"
            " CASE n %% 2 WHEN 0 THEN made + interval '1 hour' END"
            " FROM generate_series(%s, 1, -1) n, LATERAL (SELECT now() - n * interval '150 seconds' AS made) m",
            [by.pk, VISITS],
        )
        cursor.execute(
            "INSERT INTO stations_visitreport (link_id, station_version, outcome, entered_crs, hours_text, note, photos,"
            " witness, sent_at, state, decided_by_id, decided_at, reason)"
            " SELECT id, 1, 'entered', '', '', '', '{}', 'w', used_at,"
            " CASE id %% 100 WHEN 1 THEN 'sent' ELSE 'accepted' END, CASE id %% 100 WHEN 1 THEN NULL ELSE %s END,"
            " CASE id %% 100 WHEN 1 THEN NULL ELSE used_at + interval '1 day' END, ''"
            " FROM stations_visitlink WHERE used_at IS NOT NULL",
            [by.pk],
        )
        cursor.execute("VACUUM ANALYZE stations_visitlink, stations_visitreport")


def measure_admin(*, calls: int) -> list[tuple[str, ...]]:
    """The lists of the town's desk."""
    fill_desk()
    return measure_pages(PAGES, calls=calls)


def measure_pages(pages: Iterable[tuple[str, str]], *, calls: int) -> list[tuple[str, ...]]:
    """The CPU milliseconds of one call, for each page and account: this process and its PostgreSQL backend together."""
    clients = {name: _signed_in(name) for name in ("root", *ACCOUNTS)}
    rows = []
    for page, address in pages:
        spent = {name: _cpu_ms(client, address, calls=calls) for name, client in clients.items()}
        rows.append((page, *(f"{ms:.0f}" if ms is not None else "–" for ms in spent.values())))
    return [("admin page, CPU ms (≤ 150)", "administrator", *ACCOUNTS), *rows]


def _signed_in(name: str) -> Client:
    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.get(username=name))
    return client


def _cpu_ms(client: Client, address: str, *, calls: int) -> float | None:
    """The mean over `calls` in a row, since a backend's CPU is counted in hundredths of a second; None if refused."""
    with connection.cursor() as cursor:
        # The workers of a parallel plan come and go, and their CPU time with them; one backend does it all and is counted.
        cursor.execute("SET max_parallel_workers_per_gather = 0")
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])

    def spent_s() -> float:
        times = backend.cpu_times()
        return time.process_time() + float(times.user + times.system)

    if client.get(address).status_code != 200:
        return None
    begun = spent_s()
    for _call in range(calls):
        client.get(address)
    return (spent_s() - begun) / calls * 1_000
