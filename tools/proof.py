"""`make proof`: the long forms of the proofs, and a report of what they counted in docs/proof/.

A report is written only for a threat whose tests all passed; its numbers are what the tests counted.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REPORTS = ROOT / "docs" / "proof"

RACES = "tests/points/test_races.py"
SIGN_IN = "tests/couriers/views/test_sign_in.py"
# Threat → its name, and where it is proved: files, or single tests of them.
PROOFS: dict[str, tuple[str, list[str]]] = {
    "T01": (
        "One wish told many times",
        [
            f"{RACES}::test_the_same_wish_from_all_sides_is_one_posting",
            "tests/points/views/test_counter_races.py",
            "tests/points/views/test_me_races.py",
        ],
    ),
    "T02": (
        "Many for what is not enough for all",
        [
            f"{RACES}::test_exactly_as_many_win_as_there_is_for",
            f"{RACES}::test_of_many_couriers_as_many_win_as_there_are_pieces",
            f"{RACES}::test_nobody_waits_for_somebody_who_waits_for_him",
        ],
    ),
    "T03": (
        "The same without the guards",
        [
            f"{RACES}::test_read_before_the_lock_spends_what_is_not_there",
            f"{RACES}::test_the_numbers_catch_what_the_lock_missed",
            f"{RACES}::test_without_the_unique_reversal_more_are_made",
            f"{RACES}::test_without_the_unique_wish_one_tap_is_many",
            f"{RACES}::test_a_station_moves_or_gets_gifts_and_where_nobody_holds_it_both",
            f"{RACES}::test_locked_one_after_the_other_they_wait_for_each_other",
            "tests/points/test_sealing.py::test_a_second_sealer_waits_for_the_first_and_without_that_both_give_the_same_numbers",
            "tests/points/views/test_counter_races.py::test_without_the_guard_eight_taps_do_more_than_one",
        ],
    ),
    "T04": ("Servers killed in the middle", ["tests/points/test_chaos.py", "tests/core/test_lost_database.py"]),
    "T05": (
        "Any sequence of deeds, and attacks in SQL",
        ["tests/points/test_model.py", "tests/points/test_referee.py", "tests/points/test_verifying.py"],
    ),
    "T06": ("Reversals at once", [f"{RACES}::test_of_reversals_at_once_one_is_made"]),
    "T07": ("What the owner of the database rewrites", ["tests/points/test_sealing.py"]),
    "T08": (
        "A list taken twice, at once, and killed",
        ["tests/couriers/test_importing_races.py", "tests/stations/importing/test_import_races.py"],
    ),
    "T09": ("Hostile sheets and photos", ["tests/stations/importing/test_sheets.py", "tests/core/test_images.py"]),
    "T10": (
        "Formulas in sheets",
        [
            "tests/stations/test_exporting.py::test_no_text_column_begins_a_formula",
            "tests/stations/test_map_listing.py::test_no_text_begins_a_formula_in_the_list_for_a_map",
            "tests/points/test_formulas.py",
            "tests/points/test_papers.py::test_names_begin_no_formula_in_the_workbooks",
            "tests/points/test_admin_auditing.py::test_names_begin_no_formula_in_a_draw",
        ],
    ),
    "T11": ("Whose row, through which door", ["tests/access/test_matrix.py", "tests/access/test_posted.py"]),
    "T12": (
        "Guessing a password, a name, a phone or a code",
        [
            "tests/core/test_signing_in.py",
            "tests/couriers/api/test_guessing.py",
            "tests/couriers/views/test_register.py::test_a_taken_phone_is_told_so_and_led_to_signing_in_and_only_so_often",
            "tests/couriers/views/test_races.py",
            f"{SIGN_IN}::test_nobody_is_told_who_is_registered",
            f"{SIGN_IN}::test_after_five_wrong_ones_the_right_one_waits",
            f"{SIGN_IN}::test_garbage_reaches_no_hasher",
            f"{SIGN_IN}::test_one_address_goes_through_a_hundred_phones_or_cards_and_no_more",
            "tests/couriers/views/test_texting.py::test_five_tries_and_the_code_is_dead",
            "tests/points/views/test_counter.py::test_whoever_guesses_passes_is_not_listened_to",
        ],
    ),
    "T13": ("Rights that end with the next request", ["tests/access/test_rights_end.py"]),
    "T14": (
        "Forms, addresses, headers and stored scripts",
        [
            "tests/access/test_every_address.py",
            "tests/browser/test_payloads.py",
            "tests/browser/test_every_page.py::test_no_text_of_a_station_runs_as_script",
            "tests/points/views/test_me.py",
        ],
    ),
    "T17": ("Garbage bodies", ["tests/core/test_bodies.py", "tests/config/test_contract_fuzzing.py"]),
    "T18": (
        "Races for a limit, and of two editors",
        ["tests/core/test_limits.py", "tests/stations/test_editing_races.py"],
    ),
    "T19": (
        "Staff and their friends",
        [
            "tests/points/test_suspicion.py",
            "tests/points/test_earning.py",
            "tests/points/test_admin_awards.py",
            "tests/points/test_admin_redemptions.py",
            "tests/points/test_redemption.py",
            "tests/points/test_late.py",
            "tests/points/test_disputes.py",
            "tests/points/views/test_counter.py",
            f"{RACES}::test_a_member_of_staff_who_gives_at_once_gives_no_more_than_a_day_allows",
        ],
    ),
    "T20": ("Keys, tokens and confidences", ["tests/access/test_secrets.py", "tests/points/views/test_me.py"]),
    "T21": ("A ledger of a million entries, dumped and restored", ["tests/points/test_restoring.py"]),
    "T22": ("Where days, months and years end", ["tests/points/test_time.py"]),
}


def main() -> int:
    wanted = sys.argv[1:] or list(PROOFS)
    failed = []
    for threat in wanted:
        _say(f"── {threat} ── {PROOFS[threat][0]}")
        if not _prove(threat):
            failed.append(threat)
    if failed:
        _say(f"Not proved: {', '.join(failed)}. Their reports were left as they were.")
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _prove(threat: str) -> bool:
    name, files = PROOFS[threat]
    with tempfile.TemporaryDirectory() as folder:
        facts = Path(folder) / "facts.jsonl"
        facts.touch()
        started = datetime.now(UTC)
        environment = os.environ | {"PROOF": str(facts)}
        command = [sys.executable, "-m", "pytest", "--show-capture=no", *files]
        done = subprocess.run(command, cwd=ROOT, env=environment, text=True, capture_output=True, check=False)
        _say(done.stdout[-2_000:] + done.stderr[-1_000:])
        if done.returncode:
            return False
        seconds = round((datetime.now(UTC) - started).total_seconds())
        told = [json.loads(line) for line in facts.read_text(encoding="utf-8").splitlines()]
        lines = [fact for fact in told if fact["threat"] == threat]
    summary = done.stdout.strip().splitlines()[-1].strip("= ")
    _write(threat, name, files, lines, summary=summary, seconds=seconds)
    return True


def _write(
    threat: str, name: str, files: list[str], facts: list[dict[str, object]], *, summary: str, seconds: int
) -> None:
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for fact in facts:
        for key, value in fact.items():
            if isinstance(value, int):
                counts[str(fact["what"])][key.replace("_", " ")] += value
    rows = [
        f"| {what} | {'; '.join(f'{key}: {value:,}' for key, value in told.items())} |" for what, told in counts.items()
    ]
    passed = summary.split(" in ")[0]
    proving = dict.fromkeys(file.partition("::")[0] for file in files)
    REPORTS.mkdir(parents=True, exist_ok=True)
    text = [
        f"# {threat} · {name}",
        "",
        f"Made by `make proof` on {datetime.now(UTC):%Y-%m-%d}; again with `.venv/bin/python -m tools.proof {threat}`.",
        "",
        f"Machine: {_machine()}. Tests: {passed}, {seconds} s.",
        "",
        "| what | counted |",
        "|--|--|",
        *rows,
        "",
        "Proved in " + ", ".join(f"[{Path(file).name}](../../{file})" for file in proving) + ".",
        "",
    ]
    (REPORTS / f"{threat}.md").write_text("\n".join(text), encoding="utf-8")


def _machine() -> str:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    memory_gb = round(pages * size / 1024**3)
    return f"{os.cpu_count()} cores, {memory_gb} GB, Python {platform.python_version()}, PostgreSQL {_postgresql()}"


def _postgresql() -> str:
    """The version of the server that the tests run on."""
    asked = (
        "import django; django.setup(); from django.db import connection as c; c.ensure_connection(); "
        "n = c.pg_version; print(f'{n // 10000}.{n % 10000}')"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "for-this-question",
        "DEBUG": "on",
    }
    done = subprocess.run(
        [sys.executable, "-c", asked], cwd=ROOT, env=environment, text=True, capture_output=True, check=False
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
