"""Why a file cannot be read at all. What is wrong with single rows is a Finding, never one of these."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from stations.importing.limits import MAX_CELLS, MAX_COLUMNS, MAX_ROWS

__all__ = [
    "FileEncrypted",
    "FileHasNoHeadings",
    "FileHostile",
    "FileTooLarge",
    "FileUnreadable",
    "FileWrongType",
    "broken",
    "encrypted",
    "too_many_cells",
]


class FileUnreadable(DomainError):
    """The file is broken, cut off or empty."""

    code, status = "file_unreadable", 400
    title = _("The file cannot be read.")


class FileWrongType(FileUnreadable):
    code = "file_wrong_type"
    title = _("This is no list.")


class FileEncrypted(FileUnreadable):
    code = "file_encrypted"
    title = _("The workbook is protected by a password.")


class FileTooLarge(FileUnreadable):
    code, status = "file_too_large", 413
    title = _("The file is too large.")


class FileHostile(FileUnreadable):
    """The file unpacks to far more than its size, or declares entities: no office program writes such files."""

    code = "file_hostile"
    title = _("The file is built in a way that no office program writes.")


class FileHasNoHeadings(FileUnreadable):
    code = "file_has_no_headings"
    title = _("No heading row is found.")


# ── Why several kinds of workbook are refused ───────────────────────────────────────────────────────────────────────


def broken() -> FileUnreadable:
    return FileUnreadable(
        gettext("It is broken or was not saved to its end. Open it in WPS or Excel and save it again as xlsx.")
    )


def encrypted() -> FileEncrypted:
    return FileEncrypted(gettext("Open it with the password, save it without one, and send it again."))


def too_many_cells() -> FileTooLarge:
    return FileTooLarge(
        gettext(
            "A sheet reaches over {rows} rows, {columns} columns or {cells} cells, blank ones counted. "
            "Delete the blank rows and columns behind the list, or save the sheet as CSV."
        ).format(rows=f"{MAX_ROWS:,}", columns=MAX_COLUMNS, cells=f"{MAX_CELLS:,}")
    )
