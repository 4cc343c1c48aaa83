"""Cursors survive the way to a client and back, and nothing else passes for one."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.cursor import Cursor, CursorInvalidError, decode, encode, epoch_mark
from domain.ids import Id, new_id

POSITIONS = st.integers(0, 2**63 - 1)
PROJECTS = st.binary(min_size=16, max_size=16).map(Id)
URL_SAFE = set(string.ascii_letters + string.digits + "-_")


@given(PROJECTS, st.text().map(epoch_mark), POSITIONS)
def test_a_cursor_comes_back_as_it_went(project: Id, epoch: bytes, at: int) -> None:
    cursor = Cursor(project, epoch, at)
    text = encode(cursor)
    assert decode(text) == cursor
    assert len(text) == 48
    assert set(text) <= URL_SAFE


def test_epochs_have_different_marks() -> None:
    assert epoch_mark("one") != epoch_mark("two")


@given(st.text(max_size=60))
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(CursorInvalidError) as refusal:
        decode(text)
    assert str(refusal.value) == str(CursorInvalidError())


@given(st.binary(max_size=48))
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(CursorInvalidError):
        decode(base64.urlsafe_b64encode(raw).decode())


@pytest.mark.parametrize("place", range(48))
def test_a_changed_character_is_noticed(place: int) -> None:
    text = encode(Cursor(new_id(), epoch_mark("one"), 4711))
    other = "A" if text[place] != "A" else "B"
    with pytest.raises(CursorInvalidError):
        decode(text[:place] + other + text[place + 1 :])


def test_a_mangled_cursor_is_noticed() -> None:
    text = encode(Cursor(new_id(), epoch_mark("one"), 4711))
    for mangled in (f" {text}", f"{text}=", f"{text}AAAA", text[:-4], text.upper()):
        with pytest.raises(CursorInvalidError):
            decode(mangled)
