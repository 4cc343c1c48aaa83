"""A real OpenSSH daemon on loopback, run by the user of the tests, and a sudo that only
writes down how it was called.
"""

import asyncio
import os
import pwd
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh

PRIVILEGE_SEPARATION = Path("/run/sshd")
"""An empty folder that the daemon wants where root runs it; its service makes it."""

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
ForceCommand {folder}/run
"""

RUN = """\
#!/bin/sh
PATH={folder}/bin:/usr/bin:/bin exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"
"""

SUDO = """\
#!/bin/sh
printf '%s\\n' "$*" >> {folder}/argv
case "$(cat {folder}/mode):$*" in
asks:*-S*) IFS= read -r line; printf '%s' "$line" > {folder}/stdin ;;
asks:*) echo 'sudo: a password is required' >&2; exit 1 ;;
refuses:*) echo 'Sorry, user x is not allowed to execute that.' >&2; exit 1 ;;
fails:*) exit 3 ;;
drops:*)
  it=$$
  until grep -q '^sshd' /proc/$it/comm; do it=$(cut -d' ' -f4 /proc/$it/stat); done
  kill -9 $it ;;
esac
"""


def lacking() -> str | None:
    """Return why no daemon can be started here; None if one can."""
    if daemon() is None:
        return "OpenSSH's sshd is not installed"
    if os.getuid() == 0 and not os.access(PRIVILEGE_SEPARATION.parent, os.W_OK):
        return f"sshd run by root needs {PRIVILEGE_SEPARATION}"
    if not Path("/proc/self/stat").exists():
        return "the double of sudo looks into /proc"
    return None


def daemon() -> str | None:
    """Return where the daemon is; it wants to be called by its whole path."""
    return shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/sbin:" + os.defpath)


@dataclass
class OpenSsh:
    """A daemon that lets its own user in by one key."""

    folder: Path
    port: int
    fingerprint: str
    user: str

    def behave(self, mode: str) -> None:
        """Say what its sudo does: ends, asks, refuses, fails or drops."""
        (self.folder / "mode").write_text(mode)
        (self.folder / "argv").unlink(missing_ok=True)

    @property
    def commands(self) -> list[str]:
        """How sudo was called."""
        file = self.folder / "argv"
        return file.read_text().splitlines() if file.exists() else []


@asynccontextmanager
async def open_ssh(folder: Path, public_key: str) -> AsyncIterator[OpenSsh]:
    """Run a daemon for a while."""
    if os.getuid() == 0:
        PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)  # noqa: ASYNC240
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    host_key.write_private_key(str(folder / "host_key"))
    (folder / "host_key").chmod(0o600)
    (folder / "authorized_keys").write_text(public_key)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config").write_text(CONFIG.format(folder=folder, port=port))
    (folder / "bin").mkdir()
    for file, text in (("run", RUN), ("bin/sudo", SUDO)):
        (folder / file).write_text(text.format(folder=folder))
        (folder / file).chmod(0o755)
    process = await _start(folder, port)
    fingerprint = host_key.get_fingerprint()
    try:
        yield OpenSsh(folder, port, fingerprint, pwd.getpwuid(os.getuid()).pw_name)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _start(folder: Path, port: int) -> Process:
    program = (daemon() or "", "-D", "-e", "-f", str(folder / "config"))
    process = await asyncio.create_subprocess_exec(*program, stdin=DEVNULL, stderr=PIPE)
    async with asyncio.timeout(20):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return process
    _, errors = await process.communicate()
    raise AssertionError(errors.decode())
