"""API tokens: their form, and that a mistyped one is recognised offline."""

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tokens import hash_of, hint_of, looks_right, new_token

# The checksum of this one was worked out with another program.
KNOWN = "toc_000000000000000000000000000000"


def test_a_token_has_the_form_that_scanners_know() -> None:
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    for token in tokens:
        assert len(token) == 4 + 30 + 6
        assert token.startswith("toc_")
        assert set(token[4:]) <= set(string.ascii_letters + string.digits)
        assert looks_right(token)


def test_all_letters_and_digits_are_used() -> None:
    seen = set("".join(new_token()[4:34] for _ in range(200)))
    assert seen == set(string.ascii_letters + string.digits)


def test_a_checksum_is_the_crc_in_base_62() -> None:
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    crc = 0xFFFFFFFF
    for byte in KNOWN[4:].encode():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    number = crc ^ 0xFFFFFFFF
    checksum = "".join(digits[number // 62**place % 62] for place in range(5, -1, -1))
    assert looks_right(KNOWN + checksum)


@given(st.data())
def test_one_wrong_letter_is_noticed(data: st.DataObject) -> None:
    token = new_token()
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters().filter(lambda it: it != token[at]))
    assert not looks_right(token[:at] + letter + token[at + 1 :])


@pytest.mark.parametrize("text", ["", "toc_", "x" * 40, "toc_" + "é" * 36])
def test_other_texts_are_not_tokens(text: str) -> None:
    assert not looks_right(text)


def test_a_token_that_was_cut_or_padded_is_noticed() -> None:
    token = new_token()
    for wrong in (token[:-1], token + "0", f" {token}", token.upper()):
        assert not looks_right(wrong)


def test_what_is_stored_does_not_tell_the_token() -> None:
    token = new_token()
    assert hash_of(token) == hashlib.sha256(token.encode()).digest()
    assert len(hash_of(new_token())) == 32
    assert hint_of("toc_abcdefghijklmnop1234") == "toc_abcd…1234"
