"""What of an address is a credential, and must not come back in an error."""

import pytest

from delivery.equipment import credentials


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.com/hooks/incidents", set()),
        ("https://u:pa55word@example.com/hook", {"pa55word"}),
        ("https://example.com/hook?token=abc123def", {"abc123def"}),
        ("https://example.com/x/T0AB9ZK3QWERTYUIOP12", {"T0AB9ZK3QWERTYUIOP12"}),
        ("https://[::1", set()),
        ("", set()),
    ],
)
def test_credentials_in_an_address(url: str, found: set[str]) -> None:
    """Password, query values and what looks drawn at random; with them the whole."""
    expected = found | {url} if found else set()
    assert set(credentials(url)) == expected
