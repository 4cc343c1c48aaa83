"""Secret settings as their column holds them."""

import orjson
import pytest

from domain.ids import new_id
from models.crypto import CannotOpenError, KeyRing
from models.secret_storage import hint, open_all, seal_all

PROJECT, INTEGRATION = new_id(), new_id()
SECRETS = {
    "signing_secret": "whsec_" + "c" * 24 + "wxyz",
    "headers.x-key.value": "short",
}


def test_secrets_come_back_under_their_paths() -> None:
    ring = KeyRing.generate()
    stored = seal_all(ring, PROJECT, INTEGRATION, SECRETS, now=7)
    again = orjson.loads(orjson.dumps(stored))
    assert open_all(ring, PROJECT, INTEGRATION, again) == SECRETS
    assert {entry["at"] for entry in stored.values()} == {7}
    assert open_all(ring, PROJECT, INTEGRATION, {}) == {}


def test_the_column_shows_no_secret_but_the_end_of_a_long_one() -> None:
    stored = seal_all(KeyRing.generate(), PROJECT, INTEGRATION, SECRETS, now=7)
    assert stored["signing_secret"]["hint"] == "wxyz"
    assert stored["headers.x-key.value"]["hint"] is None
    text = orjson.dumps(stored).decode()
    assert "whsec" not in text
    assert "short" not in text


@pytest.mark.parametrize(("length", "shown"), [(23, None), (24, "abcd"), (0, None)])
def test_only_long_secrets_have_a_hint(length: int, shown: str | None) -> None:
    assert hint(("x" * length + "abcd")[-length:] if length else "") == shown


def test_secrets_stay_with_their_row_and_path() -> None:
    ring = KeyRing.generate()
    stored = seal_all(ring, PROJECT, INTEGRATION, SECRETS, now=7)
    swapped = dict(zip(stored, reversed(stored.values()), strict=True))
    for project, integration, column in (
        (PROJECT, INTEGRATION, swapped),
        (PROJECT, new_id(), stored),
        (new_id(), INTEGRATION, stored),
    ):
        with pytest.raises(CannotOpenError):
            open_all(ring, project, integration, column)
