"""Why a file cannot be read at all. What is wrong with single rows is a Finding, never one of these."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

__all__ = [
    "FileEncrypted",
    "FileHasNoHeadings",
    "FileHostile",
    "FileTooLarge",
    "FileUnreadable",
    "FileWrongType",
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
    """The file unpacks to far more than it is, or declares entities: no office program writes such files."""

    code = "file_hostile"
    title = _("The file is built in a way that no office program writes.")


class FileHasNoHeadings(FileUnreadable):
    code = "file_has_no_headings"
    title = _("No heading row is found.")
