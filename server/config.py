"""The configuration as one frozen object. Nothing else reads the environment.

Every variable may also be given as `<NAME>_FILE`, the path of a file that holds its
value. All faults are found at once; none of the messages repeats a secret.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from delivery.mailer import MailServer
from domain.channels import Plan, Provider
from server.smtp_url import mail_server
from server.variables import VARIABLES, asks_for_traces

Environment = Literal["development", "production"]


class ConfigError(Exception):
    """The environment cannot be used; `problems` holds one sentence per fault."""

    def __init__(self, problems: list[str]) -> None:
        """Keep all problems, in the order of the variables."""
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the operator decided. `database_url`, `secret_keys` and `smtp_url` hold
    secrets and stay out of `repr`; `described` shows them masked.
    """

    env: Environment = "production"
    data_dir: Path = Path("var")
    database_url: str = field(default="", repr=False)
    public_url: str | None = None
    secret_keys: str | None = field(default=None, repr=False)
    egress_allow: tuple[str, ...] = ()
    ca_file: Path | None = None
    smtp_url: str | None = field(default=None, repr=False)
    smtp_from: str | None = None
    cors_origins: tuple[str, ...] = ()
    metrics_listen: tuple[str, int] | None = None
    graphiql: bool | None = None
    default_plan: Plan = Plan.PAID
    log_level: str = "INFO"
    event_retention_days: int = 7
    traces: bool = False
    history_retention_days: int = 90

    @property
    def development(self) -> bool:
        """Whether loopback targets, open introspection and readable logs are on."""
        return self.env == "development"

    @property
    def graphiql_on(self) -> bool:
        """Whether browsers get GraphiQL: in development, or where it is asked for."""
        return self.development if self.graphiql is None else self.graphiql

    @property
    def sqlite(self) -> bool:
        """Whether the database is a file, of which one server is the only user."""
        return self.database_url.startswith("sqlite:")

    @property
    def mail_server(self) -> MailServer | None:
        """The mail server, where one is set up."""
        if self.smtp_url is None or self.smtp_from is None:
            return None
        return mail_server(self.smtp_url, self.smtp_from)

    @property
    def providers(self) -> frozenset[Provider]:
        """What the operator has set up for channels."""
        return frozenset({Provider.SMTP} if self.mail_server else ())

    def described(self) -> dict[str, object]:
        """Return the configuration as it may be printed and logged."""
        return {
            "env": self.env,
            "data_dir": str(self.data_dir),
            "database_url": masked_database_url(self.database_url),
            "public_url": self.public_url,
            "secret_keys": "set" if self.secret_keys else None,
            "egress_allow": list(self.egress_allow),
            "ca_file": str(self.ca_file) if self.ca_file else None,
            "smtp_host": self.mail_server.host if self.mail_server else None,
            "smtp_from": self.smtp_from,
            "cors_origins": list(self.cors_origins),
            "metrics_listen": _address(self.metrics_listen),
            "graphiql": self.graphiql_on,
            "default_plan": self.default_plan.value,
            "log_level": self.log_level,
            "event_retention_days": self.event_retention_days,
            "traces": self.traces,
            "history_retention_days": self.history_retention_days,
        }


def load(environ: Mapping[str, str], **given: object) -> Config:
    """Return the configuration of an environment; `given` values (of the command
    line, None meaning not given) win over it. Raises ConfigError.
    """
    problems: list[str] = []
    values = _values(environ, problems)
    parsed: dict[str, object] = {}
    for name, parse in VARIABLES.items():
        attribute = name.removeprefix("TOCSIN_").lower()
        if given.get(attribute) is not None:
            parsed[attribute] = given[attribute]
        elif name in values:
            try:
                parsed[attribute] = parse(values[name])
            except ValueError as fault:
                problems.append(f"{name} {fault}")
    if ("TOCSIN_SMTP_URL" in values) is not ("TOCSIN_SMTP_FROM" in values):
        problems.append("TOCSIN_SMTP_URL and TOCSIN_SMTP_FROM go together: set both.")
    if problems:
        raise ConfigError(problems)
    data_dir = cast("Path", parsed.get("data_dir", Path("var")))
    # The driver's form: three slashes and an absolute path.
    parsed.setdefault("database_url", f"sqlite://{data_dir.absolute()}/tocsin.db")
    return Config(**parsed, traces=asks_for_traces(environ))  # type: ignore[arg-type]


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for every TOCSIN_ variable that nothing reads."""
    known = [*VARIABLES, *(f"{name}_FILE" for name in VARIABLES)]
    sentences = []
    for name in sorted(environ):
        if name.startswith("TOCSIN_") and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            hint = f" Did you mean {near[0]}?" if near else ""
            sentences.append(f"{name} is not a variable of Tocsin.{hint}")
    return sentences


def masked_database_url(url: str) -> str:
    """Return the URL without password and parameters, which may hold one too."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}:***@" if parts.password else ""
    if parts.username and not parts.password:
        user = f"{parts.username}@"
    parameters = "?***" if parts.query else ""
    return f"{parts.scheme}://{user}{host}{parts.path}{parameters}"


def _address(listen: tuple[str, int] | None) -> str | None:
    if listen is None:
        return None
    host, port = listen
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _values(environ: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    """Return what is set; an empty value counts as not set, as in a compose file."""
    values: dict[str, str] = {}
    for name in VARIABLES:
        value, file = environ.get(name, ""), environ.get(f"{name}_FILE", "")
        if value and file:
            problems.append(f"{name} and {name}_FILE are both set: keep one of them.")
        elif file:
            try:
                value = Path(file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as fault:
                reason = getattr(fault, "strerror", None) or "it is not UTF-8 text"
                problems.append(f"{name}_FILE cannot be read from {file}: {reason}.")
                continue
            if not value:
                problems.append(f"{name}_FILE names an empty file, {file}.")
        if value:
            values[name] = value
    return values
