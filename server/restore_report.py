"""What is said of a backup that was restored."""

from server.account_commands import moment
from server.config import Config
from server.data_dir import KEY_FILE
from server.restore import Restored


def told(config: Config, done: Restored) -> list[str]:
    """Return what is said of a database that was restored."""
    taken, settled = moment(done.manifest.taken_at), done.settled
    lines = [f"Restored    the backup of {taken} (Tocsin {done.manifest.version})"]
    if done.kept_aside:
        lines.append(f"Kept aside  {done.kept_aside}: remove it when all is well")
    lines += [f"Migrated    {version}" for version in done.applied]
    if settled.waiting:
        lines.append(
            f"Waiting     {settled.waiting} deliveries will be sent once a server runs; "
            "those sent since the backup come again, under the same message id"
        )
    if settled.expired:
        lines.append(f"Too old     {settled.expired} deliveries will not be sent")
    if settled.cancelled:
        lines.append(f"Cancelled   {settled.cancelled} deliveries that waited")
    if settled.uncertain:
        lines.append(
            f"Not again   {settled.uncertain} deliveries that must not be repeated, and "
            "may have been run since the backup, are failed"
        )
    lines += _about_keys(config, done)
    again = "tokens revoked since work again (tocsin token list)"
    lines.append(f"Lost        what happened after {taken}; {again}")
    anew = "subscribers get CURSOR_EXPIRED and begin anew"
    lines.append(f"Cursors     of before are refused: {anew}")
    return lines


def _about_keys(config: Config, done: Restored) -> list[str]:
    lines = []
    if done.keys.write is not None:
        lines.append(f"Keys        written to {config.data_dir / KEY_FILE}")
    faults = done.keys.faults
    if faults:
        ids = ", ".join(sorted(faults.missing | faults.wrong))
        lines.append(
            f"Keys        {ids} not here: set the secrets of integrations anew, or bring "
            "the keys"
        )
    return lines
