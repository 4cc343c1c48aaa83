"""The command `tocsin send-test`."""

import asyncio
import sys
from pathlib import Path
from typing import Any, Final

import click

from server import data_dir as data_dirs
from server.config import Config
from server.terminal import configured, data_dir_option, say

DEFAULT_URL: Final = "http://127.0.0.1:8080"


@click.command(name="send-test")
@click.option("--integration", required=True, help="Its id (int_…).")
@click.option("--url", default=DEFAULT_URL, show_default=True, help="Of the server.")
@click.option(
    "--token",
    help="With the scope WRITE; - reads it from standard input.  [default: the first "
    "token, from the data directory]",
)
@click.option(
    "--wait",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Seconds to wait for the outcome.",
)
@data_dir_option
def send_test(
    integration: str,
    url: str,
    token: str | None,
    wait: float,
    data_dir: Path | None,
) -> None:
    """Send a test to an integration through the running server, and say what became of
    it.

    The exit code is 0 where it arrived, and 1 where it did not, or not yet.
    """
    from server.trial import TrialError, Wish, carry_out  # noqa: PLC0415 - slow to import

    config = configured(data_dir=data_dir)
    wish = Wish(
        url=f"{url.rstrip('/').removesuffix('/graphql')}/graphql",
        token=_token(config, token),
        integration=integration,
        wait_s=wait,
        ca_file=str(config.ca_file) if config.ca_file else None,
    )
    try:
        delivery = asyncio.run(carry_out(wish))
    except TrialError as error:
        raise click.ClickException(str(error)) from None
    for line in told(delivery):
        say(line)
    if delivery["status"] != "DELIVERED":
        sys.exit(1)


def _token(config: Config, given: str | None) -> str:
    if given is not None:
        return sys.stdin.readline().strip() if given == "-" else given
    file = config.data_dir / data_dirs.TOKEN_FILE
    if not file.is_file():
        raise click.UsageError(
            f"Give --token: there is none in {file}. `tocsin token create` makes one."
        )
    return file.read_text("utf-8").strip()


def told(delivery: dict[str, Any]) -> list[str]:
    """Return what is said of a delivery: each try, and how it stands."""
    lines = [_attempt(it) for it in delivery["attempts"]]
    name, status = (delivery["integration"] or {}).get("name"), delivery["status"]
    reason = delivery["cancelReason"] or (None if lines else delivery["error"])
    lines.append(f"{name}: {status}" + (f" ({reason})" if reason else ""))
    if status in {"PENDING", "SENDING"}:
        lines.append("Nothing has become of it yet: is a worker running?")
    if status == "RETRYING":
        lines.append(f"It is tried again at {delivery['nextAttemptAt']}.")
    return [*lines, f"See delivery {delivery['id']}."]


def _attempt(it: dict[str, Any]) -> str:
    parts = [it["outcome"] or "under way"]
    if it["statusCode"] is not None:
        parts.append(f"status {it['statusCode']}")
    if it["durationMs"] is not None:
        parts.append(f"{it['durationMs']} ms")
    return f"try {it['number']}: {', '.join(parts)}" + (
        f" - {it['error']}" if it["error"] else ""
    )
