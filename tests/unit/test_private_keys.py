"""Private keys are looked at before they are opened."""

import base64
import struct

import asyncssh
import pytest

from domain.private_keys import MOST_ROUNDS, is_encrypted, private_key_fault
from notifiers.ssh_server_restart import SshServerRestartSettings
from tests.conformance import kit

EXAMPLE = kit.sample(SshServerRestartSettings)["privateKey"]
KINDS = [
    ("ssh-ed25519", "openssh"),
    ("ssh-ed25519", "pkcs8-pem"),
    ("ecdsa-sha2-nistp256", "pkcs1-pem"),
    ("ecdsa-sha2-nistp256", "openssh"),
]


def string(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def openssh(cipher: bytes, function: bytes, options: bytes) -> str:
    fields = (string(it) for it in (cipher, function, options))
    body = base64.b64encode(b"openssh-key-v1\0" + b"".join(fields)).decode()
    kind = "OPENSSH PRIVATE KEY"
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"


@pytest.mark.parametrize(("algorithm", "form"), KINDS)
def test_keys_that_the_client_reads_are_taken(algorithm: str, form: str) -> None:
    text = asyncssh.generate_private_key(algorithm).export_private_key(form).decode()
    for spelled in (text, text.replace("\n", "\r\n"), f"\n{text}\n\n"):
        assert private_key_fault(spelled) is None
        assert not is_encrypted(spelled)
        assert asyncssh.import_private_key(spelled).get_algorithm() == algorithm


def test_encrypted_keys_are_told_apart() -> None:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    sealed = key.export_private_key("pkcs1-pem", passphrase="a phrase").decode()
    for text in (EXAMPLE, sealed):
        assert private_key_fault(text) is None
        assert is_encrypted(text)
    wrapped = key.export_private_key("pkcs8-pem", passphrase="a phrase").decode()
    assert "ssh-keygen -p" in (private_key_fault(wrapped) or "")


@pytest.mark.parametrize(
    ("rounds", "said"), [(16, None), (MOST_ROUNDS, None), (2**32 - 1, "rounds")]
)
def test_how_long_a_key_takes_to_open_is_bounded(rounds: int, said: str | None) -> None:
    options = string(bytes(16)) + struct.pack(">I", rounds)
    fault = private_key_fault(openssh(b"aes256-ctr", b"bcrypt", options))
    assert fault is None if said is None else said in (fault or "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        EXAMPLE[:-40],
        EXAMPLE.replace("b3BlbnNzaC", "AAAAAAAAAA"),
        openssh(b"aes256-ctr", b"scrypt", b"0000"),
        openssh(b"aes256-ctr", b"bcrypt", b""),
        "PuTTY-User-Key-File-3: ssh-ed25519",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me",
        "-----BEGIN A-----\n" * 2_000,
    ],
)
def test_what_is_no_private_key_is_refused_without_repeating_it(text: str) -> None:
    fault = private_key_fault(text)
    assert fault
    assert not text or text not in fault
