"""How much of a file is read. Beyond a limit the whole file is refused before anything is written.

The numbers keep a web process under 256 MB whatever is sent to it. A longer list can be sent as CSV, read as a stream.
"""

__all__ = [
    "MAX_CELLS",
    "MAX_CELL_CHARS",
    "MAX_COLUMNS",
    "MAX_CSV_BYTES",
    "MAX_ENTRIES",
    "MAX_FILE_BYTES",
    "MAX_RATIO",
    "MAX_ROWS",
    "MAX_SHEETS",
    "MAX_UNZIPPED_BYTES",
    "RATIO_APPLIES_FROM_BYTES",
]

MAX_FILE_BYTES = 20 * 2**20
MAX_CSV_BYTES = 64 * 2**20
MAX_UNZIPPED_BYTES = 150 * 2**20
# Sheets of blank styled rows are zipped to a fiftieth; a zip bomb to a thousandth.
MAX_RATIO = 200
RATIO_APPLIES_FROM_BYTES = 5 * 2**20
MAX_ENTRIES = 2_000
MAX_SHEETS = 200
MAX_ROWS = 300_000
MAX_COLUMNS = 200
# In one workbook, blank cells between filled ones included. The parser keeps about 60 bytes for each.
MAX_CELLS = 2_000_000
MAX_CELL_CHARS = 2_000
