"""The examination: all that can be found out, judged; what cannot be is left out."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from domain.clock import Clock, system_clock
from domain.faults import StorageUnavailableError
from domain.product import VERSION
from models.migration_files import files as migration_files
from models.store import Store, open_store
from server import data_dir
from server.config import Config, ConfigError, load, unknown_variables
from server.doctor import (
    database,
    files,
    gather_database,
    gather_machine,
    gather_serving,
    gather_work,
    keys,
    machine,
    names,
    postgres,
    serving,
    settings,
    work,
)
from server.doctor.findings import Finding, problem
from server.doctor.names import Names
from server.doctor.serving import Serving

LOOK_UP_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to look at: the address where the server should answer, and whether names of
    far ends are looked up.
    """

    data_dir: Path | None = None
    url: str = "http://127.0.0.1:8080"
    network: bool = False


async def examine(
    asked: Asked,
    environ: Mapping[str, str] | None = None,
    clock: Clock = system_clock,
) -> list[Finding]:
    """Examine the deployment that an environment describes."""
    environ = os.environ if environ is None else environ
    try:
        config = load(environ, data_dir=asked.data_dir)
    except ConfigError as error:
        return settings.unreadable(error.problems)
    found = list(
        settings.judge(
            config,
            unknown_variables(environ),
            gather_machine.ca_fault(config.ca_file),
        )
    )
    there = gather_machine.files(config)
    if config.sqlite or there:
        found += files.judge(config.data_dir, there)
    known = [file.name for file in migration_files()]
    facts = await gather_database.database(config.database_url)
    found += database.judge(facts, known)
    held = data_dir.holder(config.data_dir)
    running = [held[1]] if held else []
    if facts.kind == "postgres" and facts.fault is None:
        server, connected = await gather_database.postgres(config.database_url, clock)
        found += postgres.judge(server)
        running += connected
    current = database.is_current(facts, known) and not facts.damages
    found += await _inside(config, asked, clock, current=current)
    status, ours = await gather_serving.readiness(asked.url)
    about = Serving(
        url=asked.url, status=status, ours=ours, here=held is not None, running=running
    )
    return [*found, *serving.judge(about, VERSION)]


async def _inside(
    config: Config, asked: Asked, clock: Clock, *, current: bool
) -> list[Finding]:
    """Judge what is stored, where that can be read, and what it takes to use it."""
    if not current:
        return await _judged(None, config, asked, clock)
    try:
        store = await open_store(config.database_url)
        try:
            return await _judged(store, config, asked, clock)
        finally:
            await store.close()
    except StorageUnavailableError as error:
        fault = problem("database", f"It does not answer: {error}.", "See its log.")
        return [fault, *await _judged(None, config, asked, clock)]


async def _judged(
    store: Store | None, config: Config, asked: Asked, clock: Clock
) -> list[Finding]:
    newest = await gather_work.newest_event(store) if store else None
    seen = gather_machine.machine(config, clock(), newest)
    found = list(machine.judge(seen, sqlite=config.sqlite))
    found += keys.judge(await gather_work.keys(store, config))
    if store:
        found += work.judge(await gather_work.work(store, config, clock()))
    found += names.judge(await _names(store, config, network=asked.network))
    return found


async def _names(store: Store | None, config: Config, *, network: bool) -> Names:
    asked: list[str] = []
    if network:
        own = urlsplit(config.public_url or "").hostname
        asked = [
            *([own] if own else []),
            *(await gather_work.hosts(store) if store else []),
        ]
    answers = await asyncio.gather(*(_has_address(host) for host in asked))
    return Names(
        local=await asyncio.to_thread(gather_machine.knows_localhost),
        servers=gather_machine.name_servers(),
        asked=asked,
        unknown=[it for it, known in zip(asked, answers, strict=True) if not known],
    )


async def _has_address(host: str) -> bool:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOK_UP_S):
            return bool(await loop.getaddrinfo(host, 443))
    except (OSError, TimeoutError, UnicodeError):
        return False
