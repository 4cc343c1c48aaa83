"""How the mail server of the environment is read, and what is refused."""

import pytest

from delivery.mailer import MailSecurity
from server.config import ConfigError, load
from server.smtp_url import mail_server, sender

FROM = "Tocsin <alerts@example.com>"


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtps://mail.example.com", 465, MailSecurity.TLS),
        ("smtp://mail.example.com", 587, MailSecurity.STARTTLS),
        ("smtp://mail.example.com:2525", 2525, MailSecurity.STARTTLS),
        ("smtp://127.0.0.1?security=none", 25, MailSecurity.NONE),
    ],
)
def test_the_scheme_says_how_it_is_secured(
    url: str, port: int, security: MailSecurity
) -> None:
    found = mail_server(url, FROM)
    assert (found.port, found.security, found.user) == (port, security, None)


def test_user_and_password_are_decoded_and_not_shown() -> None:
    found = mail_server("smtps://me%40example.com:p%3Ass%2F@mail.example.com", FROM)
    assert (found.user, found.password) == ("me@example.com", "p:ss/")
    assert "p:ss/" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://mail.example.com:port",
        "smtp://mail.example.com/inbox",
        "smtp://canary@mail.example.com",
        "smtp://mail.example.com?tls=no",
        "smtps://mail.example.com?security=none",
        "smtp://me:canary@mail.example.com?security=none",
    ],
)
def test_what_is_wrong_is_said_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as found:
        load({"TOCSIN_SMTP_URL": url, "TOCSIN_SMTP_FROM": FROM})
    [problem] = found.value.problems
    assert problem.startswith("TOCSIN_SMTP_URL ")
    assert "canary" not in problem


def test_a_password_may_go_unencrypted_to_this_machine_only() -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert mail_server(f"smtp://me:word@{host}?security=none", FROM).user == "me"


@pytest.mark.parametrize("text", ["alerts", "a@b\r\nBcc: c@d", "<>", "ü@example.com"])
def test_the_sender_is_an_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be an address"):
        sender(text)


@pytest.mark.parametrize("name", ["TOCSIN_SMTP_URL", "TOCSIN_SMTP_FROM"])
def test_one_without_the_other_is_a_problem(name: str) -> None:
    values = {"TOCSIN_SMTP_URL": "smtp://mail.example.com", "TOCSIN_SMTP_FROM": FROM}
    with pytest.raises(ConfigError, match="go together"):
        load({name: values[name]})
    assert load(values).mail_server is not None
    assert load({}).mail_server is None
