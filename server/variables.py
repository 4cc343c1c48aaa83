"""How the value of each variable of the environment is read.

A parser raises ValueError with the rest of a sentence that begins with the name of
the variable; it never repeats a value that may be secret.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from delivery.addresses import parse_allowed
from domain.channels import Plan
from models.database_url import BadDatabaseUrlError, parse_url
from server.smtp_url import sender, smtp_url

T = TypeVar("T")

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
PORT_MOST: Final = 65_535
TRACE_ENDPOINTS: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)
LONGEST_RETENTION: Final = 3650
"""Days; more is a slip of the keyboard."""


def one_of(*words: str, upper: bool = False) -> Callable[[str], str]:
    """Return the parser of a closed set of words, in any case."""

    def parse(text: str) -> str:
        word = text.upper() if upper else text.lower()
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words)}.")
        return word

    return parse


def database_url(text: str) -> str:
    """Return the URL of a database that Tocsin can use."""
    if not text.startswith("sqlite:") and not _splits(text):
        raise ValueError(
            "is not a URL: percent-encode special characters in its password, "
            "and check host and port.",
        )
    try:
        parse_url(text)
    except BadDatabaseUrlError as fault:
        raise ValueError(f"is wrong. {fault}") from None
    return text


def _splits(url: str) -> bool:
    """Whether a URL splits where its writer meant it to."""
    try:
        parts = urlsplit(url)
        return parts.port != 0 and "@" not in parts.path + parts.fragment
    except ValueError:
        return False


def web_url(text: str) -> str:
    """Return the address of a site, without a slash at the end."""
    parts = urlsplit(text) if _splits(text) else urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an address such as https://alerts.example.com.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must have no user, password, query or fragment.")
    return text.rstrip("/")


def origin(text: str) -> str:
    """Return an origin as browsers send it."""
    try:
        url = web_url(text)
    except ValueError:
        url = ""
    if not url or urlsplit(url).path:
        raise ValueError(
            "must list origins such as https://app.example.com, without a path, "
            "separated by commas.",
        )
    return url.lower()


def network(text: str) -> str:
    """Return a network or an address, with or without a port, as it was written."""
    try:
        parse_allowed(text)
    except ValueError:
        raise ValueError(
            "must list addresses and networks such as 192.168.1.5, 10.1.0.0/16 or "
            f"10.1.0.0/16:443, separated by commas; {text!r} is neither.",
        ) from None
    return text


def list_of(parse: Callable[[str], T]) -> Callable[[str], tuple[T, ...]]:
    """Return the parser of a list with commas between."""
    return lambda text: tuple(
        parse(item.strip()) for item in text.split(",") if item.strip()
    )


def readable_file(text: str) -> Path:
    """Return the path of a file that exists."""
    path = Path(text)
    if not path.is_file():
        raise ValueError(f"names no file: {text}.")
    return path


def listen_on(text: str) -> tuple[str, int]:
    """Return the address and the port to listen on; port 0 takes a free one."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_port = port.isascii() and port.isdigit() and int(port) <= PORT_MOST
    bracketed = host == f"[{bare}]"
    if not (colon and bare and is_port and (":" not in bare or bracketed)):
        raise ValueError(
            "must be an address and a port, such as 127.0.0.1:9464 or [::1]:9464."
        )
    return bare, int(port)


def asks_for_traces(environ: Mapping[str, str]) -> bool:
    """Tell whether the standard variables of OpenTelemetry ask for traces."""
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    no_traces = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    named = any(environ.get(name, "").strip() for name in TRACE_ENDPOINTS)
    return named and not off and not no_traces


def days(text: str) -> int:
    """Return a number of days."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LONGEST_RETENTION):
        raise ValueError(f"must be a whole number of days, 1 to {LONGEST_RETENTION}.")
    return int(text)


VARIABLES: Final[dict[str, Callable[[str], object]]] = {
    "TOCSIN_ENV": one_of("development", "production"),
    "TOCSIN_DATABASE_URL": database_url,
    "TOCSIN_DATA_DIR": Path,
    "TOCSIN_PUBLIC_URL": web_url,
    "TOCSIN_SECRET_KEYS": str,
    "TOCSIN_EGRESS_ALLOW": list_of(network),
    "TOCSIN_CA_FILE": readable_file,
    "TOCSIN_SMTP_URL": smtp_url,
    "TOCSIN_SMTP_FROM": sender,
    "TOCSIN_CORS_ORIGINS": list_of(origin),
    "TOCSIN_METRICS_LISTEN": listen_on,
    "TOCSIN_GRAPHIQL": lambda text: one_of("on", "off")(text) == "on",
    "TOCSIN_DEFAULT_PLAN": lambda text: Plan(one_of(*Plan, upper=True)(text)),
    "TOCSIN_LOG_LEVEL": one_of(*LOG_LEVELS, upper=True),
    "TOCSIN_EVENT_RETENTION_DAYS": days,
    "TOCSIN_HISTORY_RETENTION_DAYS": days,
}
