"""SSH server restart: when an incident opens, `sudo reboot` on the server.

The settings come from the first seed document. A restart is run at most once: see
design, section 3, "Not repeatable". Only what opens runs it: an incident that somebody
opens again by hand is no reason to restart, and a server that is down again is a new
incident.
"""

import re
from dataclasses import replace
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.channels import Channel, Context, RetryLimits
from domain.host_keys import FINGERPRINT, normal_fingerprint
from domain.hosts import HOST_LENGTH, is_host
from domain.incidents import EventKind
from domain.private_keys import LONGEST, is_encrypted, private_key_fault
from domain.settings import Bound, ChannelSettings, Mark
from domain.steps import ReadyCommand, Ref, SshCommand, Step
from domain.timing import MINUTE

ATTEMPTS: Final = 5

MAX_AGE: Final = 10 * MINUTE
"""A restart that comes later hits a server that somebody is already working on."""

COOL_DOWN: Final = 10 * MINUTE
"""From one restart to the next. Not less than MAX_AGE, so that no retry of a delivery
can follow a run of its own."""

RESTART: Final = "sudo -n reboot"
RESTART_ASKED: Final = "sudo -S -p '' -k reboot"
CHECK: Final = "sudo -n -l"
CHECK_ASKED: Final = "sudo -S -p '' -k -l"
"""Fixed texts: nothing of an incident or of a setting reaches the shell of a server.
With a password sudo reads it from standard input, asks nothing, and trusts no earlier
answer. Source: sudo(8)."""

SSH_PORT: Final = 22
USER_LENGTH: Final = 255
PASSWORD_LENGTH: Final = 1024

_EXAMPLE: Final = """\
-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABAhswIl6r
rGs5hsirfnmJlWAAAAEAAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAIDmrNWej6u2YGy+j
k+gYu9ZZrmS0WKHKrYqVRWwEmUfPAAAAkElhgpdiPopZk83/l1kN38rnnTH5zK7KzJJ5PE
YNDi0vu7zxeASiXLLBwTVkZJpwwGuu8eSHbnYdf/1jBysupELOmhSEwIQF3jVo2l2SDd1K
6UW8D4ac6oIsKqrIm0dVtq+v9DcSKCo0aAMg+MM7nCIOsYW6CD3vjWqf7Ou8mP4CAFnU1b
2sgq4vsZQd+W2lcA==
-----END OPENSSH PRIVATE KEY-----
"""
"""Made for this page: it opens nothing."""

_LINE: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")
_USER: Final = re.compile(r"[^\x00-\x20\x7f-\xa0\ud800-\udfff]+")


def _checked_fingerprint(text: str) -> str:
    try:
        return normal_fingerprint(text)
    except ValueError as fault:
        raise PydanticCustomError(
            "fingerprint", "{rule}", {"rule": str(fault)}
        ) from None


def _checked_host(text: str) -> str:
    if not is_host(text) or "%" in text:
        raise PydanticCustomError(
            "host", "Must be a host name or an IP address, without scheme or port."
        )
    return text


def _checked_user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise PydanticCustomError("user", "Must hold no spaces or control characters.")
    return text


def _checked_password(secret: SecretStr) -> SecretStr:
    if not _LINE.fullmatch(secret.get_secret_value()):
        raise PydanticCustomError("password", "Must hold no control characters.")
    return secret


def _checked_key(secret: SecretStr) -> SecretStr:
    if fault := private_key_fault(secret.get_secret_value()):
        raise PydanticCustomError("private_key", "{fault}", {"fault": fault})
    return secret


Line = Annotated[SecretStr, AfterValidator(_checked_password)]
PrivateKey = Annotated[SecretStr, AfterValidator(_checked_key)]
Fingerprint = Annotated[str, AfterValidator(_checked_fingerprint)]


class SshHostKey(ChannelSettings):
    """The key by which a server is known from others."""

    fingerprint: str = Field(
        description="SHA-256, as `ssh-keygen -lf` prints it on the server.",
    )
    confirmed: bool = Field(
        description="Whether somebody has confirmed it. Until then nothing is run.",
    )


class SshServerRestartSettings(ChannelSettings):
    """Where a restart is run, and as whom."""

    ip: Annotated[str, AfterValidator(_checked_host)] = Field(
        description="IP address or host name of the server.",
        min_length=1,
        max_length=HOST_LENGTH,
        examples=["192.168.1.100"],
    )
    username: Annotated[str, AfterValidator(_checked_user)] = Field(
        description="The user to log in as, who may run reboot with sudo.",
        min_length=1,
        max_length=USER_LENGTH,
        examples=["admin"],
    )
    port: int = Field(
        default=SSH_PORT,
        description="The port of the SSH server.",
        ge=1,
        le=65535,
    )
    password: Annotated[Line | None, Bound("ip", "port", "username")] = Field(
        default=None,
        description="Password of the user: to log in, and for sudo where that asks.",
        min_length=1,
        max_length=PASSWORD_LENGTH,
        examples=["example-password"],
    )
    private_key: Annotated[PrivateKey | None, Bound("ip", "port", "username")] = Field(
        default=None,
        description="Private key of the user, in the format of OpenSSH or in PEM; "
        "beside a password or in its place.",
        validate_default=True,
        max_length=LONGEST,
        examples=[_EXAMPLE],
    )
    passphrase: Annotated[Line | None, Bound("ip", "port", "username")] = Field(
        default=None,
        description="What the private key is encrypted with, if it is.",
        validate_default=True,
        min_length=1,
        max_length=PASSWORD_LENGTH,
        examples=["correct horse battery"],
    )
    host_key_fingerprint: Annotated[
        Fingerprint | None, Mark.INPUT_ONLY, Bound("ip", "port")
    ] = Field(
        default=None,
        description="Fingerprint of the server's host key, which is confirmed by it.",
        max_length=51,
        examples=["SHA256:u3n+DB/MuypFmiOIEGfQT86A5pUxjkaZeqQJGb+ujfc"],
        json_schema_extra={"pattern": f"^{FINGERPRINT.pattern}$"},
    )
    host_key: Annotated[SshHostKey | None, Mark.OUTPUT_ONLY, Bound("ip", "port")] = (
        Field(
            default=None,
            description="The host key that the server is known by, or has shown.",
            validate_default=True,
        )
    )

    @field_validator("private_key", mode="after")
    @classmethod
    def _one_of_two(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        # Where the password is not valid that is said already.
        if value is None and info.data.get("password", "") is None:
            raise PydanticCustomError("login", "Needs a password or a privateKey.")
        return value

    @field_validator("passphrase", mode="after")
    @classmethod
    def _unlocks(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        key: SecretStr | None = info.data.get("private_key")
        if value is None and key and is_encrypted(key.get_secret_value()):
            raise PydanticCustomError("passphrase", "The private key is encrypted.")
        return value

    @field_validator("host_key", mode="after")
    @classmethod
    def _pinned(
        cls, value: SshHostKey | None, info: ValidationInfo
    ) -> SshHostKey | None:
        """Show as confirmed what is pinned, and nothing else."""
        if pin := info.data.get("host_key_fingerprint"):
            return SshHostKey(fingerprint=pin, confirmed=True)
        return None if value is None or value.confirmed else value


def render(context: Context) -> tuple[Step, ...]:
    """Return the one command: a test only looks whether it would be allowed."""
    event = context.snapshot
    test = event.test or event.kind is EventKind.TEST
    return (
        SshCommand(
            host=(Ref("ip"),),
            port=(Ref("port"),),
            user=(Ref("username"),),
            command=CHECK if test else RESTART,
            with_password=CHECK_ASKED if test else RESTART_ASKED,
            once=not test,
            disconnects=not test,
        ),
    )


def finish(
    command: ReadyCommand,
    settings: SshServerRestartSettings,
    _message_id: str,
    _now: int,
) -> ReadyCommand:
    """Give a try what it takes to log in."""
    return replace(
        command,
        password=_text(settings.password),
        private_key=_text(settings.private_key),
        passphrase=_text(settings.passphrase),
        host_key=settings.host_key_fingerprint,
    )


def _text(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def target(settings: SshServerRestartSettings) -> str:
    """Return the address that is dialled, as a URL."""
    host = f"[{settings.ip}]" if ":" in settings.ip else settings.ip
    return f"ssh://{host}:{settings.port}"


CHANNEL: Final = Channel(
    key="sshServerRestart",
    title="SshServerRestart",
    label="SSH server restart",
    description="Restarts a server over SSH when an incident opens.",
    docs_url="https://www.sudo.ws/docs/man/sudo.man/",
    settings=SshServerRestartSettings,
    example={
        "ip": "192.168.1.100",
        "username": "admin",
        "password": "secure_password",
        "port": SSH_PORT,
    },
    name=lambda settings: f"{settings.ip} ({settings.username})",
    targets=lambda settings: (target(settings),),
    render=render,
    finish=finish,
    retry=RetryLimits(attempts=ATTEMPTS, max_age=MAX_AGE),
    wants=frozenset({EventKind.OPENED, EventKind.TEST}),
    slots=1,
    repeatable=False,
    skip_stale=True,
    resolves=False,
    cool_down=COOL_DOWN,
)
