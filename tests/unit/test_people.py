"""What is pure about people: addresses, places of rules, how often codes are sent."""

import pytest

from delivery.verification_limits import (
    PAUSE,
    PER_ADDRESS,
    PER_PROJECT,
    WINDOW,
    next_send,
)
from delivery.verification_mail import Sealed, mail
from domain.deliveries import DeliveryKind
from domain.incidents import EventKind
from domain.mailboxes import BadAddressError, mailbox, normal_address
from domain.people import LONGEST_WAIT, Urgency, place
from domain.steps import Ref
from models.crypto import KeyRing

NOW = 1_000_000_000


def test_rules_sort_by_urgency_then_by_time() -> None:
    falling = sorted(Urgency, key=list(Urgency).index, reverse=True)
    pairs = [(urgency, after) for urgency in falling for after in (0, 1, LONGEST_WAIT)]
    places = [place(*pair) for pair in pairs]
    assert places == sorted(set(places))
    assert 0 <= places[0] < places[-1] < 2**31


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Ann.Lee@EXAMPLE.com", "Ann.Lee@example.com"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
    ],
)
def test_an_address_has_one_normal_form(text: str, normal: str) -> None:
    assert normal_address(text) == normal
    assert mailbox(normal) == normal.lower()


@pytest.mark.parametrize(
    "text", ["", "nobody", "a@b@c.de", "a@b.c\r\nBcc: d@e.fg", "a b@c.de"]
)
def test_what_is_no_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadAddressError) as refused:
        normal_address(text)
    assert not text or text not in str(refused.value)


def test_the_first_mail_may_leave_at_once() -> None:
    assert next_send([], "a", NOW) == NOW
    assert next_send([("b", NOW)], "a", NOW) == NOW


def test_mails_to_an_address_pause() -> None:
    assert next_send([("a", NOW - 1), ("b", NOW)], "a", NOW) == NOW - 1 + PAUSE
    assert next_send([("a", NOW - PAUSE)], "a", NOW) == NOW


def test_mails_to_an_address_are_limited() -> None:
    """The window slides: the sixth waits until the first is an hour ago."""
    sent = [("a", NOW - WINDOW // 2 + n * PAUSE) for n in range(PER_ADDRESS)]
    assert next_send(sent, "a", NOW) == sent[0][1] + WINDOW
    assert next_send(sent[1:], "a", NOW) == NOW


def test_mails_of_a_project_are_limited() -> None:
    sent = [(f"u{n}", NOW - WINDOW // 2 + n) for n in range(PER_PROJECT)]
    assert next_send(sent, "new", NOW) == sent[0][1] + WINDOW


def test_every_event_of_an_incident_is_a_kind_of_delivery() -> None:
    events = {it.value for it in EventKind}
    assert {it.value for it in DeliveryKind} == events | {"VERIFICATION"}


@pytest.mark.parametrize("with_link", [True, False])
def test_the_mail_holds_references_only(with_link: bool) -> None:
    made = mail(with_link=with_link)
    assert made.to == (Ref("email"),)
    for part in (made.text, made.html):
        assert Ref("code") in part
        assert (Ref("link") in part) == with_link
    sealed = Sealed.model_validate({"email": "a@b.cd", "code": "123456", "link": None})
    assert "123456" not in repr(sealed)


def test_a_keyed_hash_belongs_to_a_place_and_a_key() -> None:
    old, new = KeyRing.generate(), KeyRing.generate()
    [digest] = old.digests("123456", "here")
    assert old.digests("123456", "here") == [digest]
    assert old.digests("123456", "there") != [digest]
    assert new.digests("123456", "here") != [digest]
    both = KeyRing.parse(f"k2:{new.text().split(':')[1]},{old.text()}")
    first, second = both.digests("123456", "here")
    assert [first] == new.digests("123456", "here")
    assert second == digest, "what an older key hashed is still recognised"
