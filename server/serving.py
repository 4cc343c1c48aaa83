"""One server process, from the migration to the last answer.

Everything that is opened is closed in the opposite order, also when the start fails
half-way: what the API has promised is on disk, so stopping needs no ceremony.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web
from prometheus_client import disable_created_metrics

from delivery.engine import Engine
from delivery.guard import Guard
from domain.clock import steady_clock, system_clock
from domain.timing import DAY
from models import migrate
from models.store import Store, open_store
from notifiers import CHANNELS
from schema.context import Services
from server import accounts, data_dir, logs, metrics_http, open_files
from server.app import make_app
from server.config import Config
from server.demo.running import demo
from server.metrics import Metrics
from server.observing import Observing
from server.tracing import open_tracing

Say = Callable[[str], None]

HTTP_WIND_UP_S: Final = 2.0
"""What requests that are being answered get to end."""

_log = structlog.get_logger("tocsin.server")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen; port 0 takes a free one."""

    host: str
    port: int


async def run(  # noqa: PLR0913 - the options of the command
    config: Config,
    listen: Listen,
    *,
    works: bool,
    say: Say,
    shows_token: bool,
    shows_demo: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop within the graceful time."""
    # Their times of making double every series, and nothing here reads them.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    open_files.allow_many()
    logs.configure(development=config.development, level=config.log_level)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(logs.loop_exception_handler)
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, ended.set)
    async with AsyncExitStack() as stack:
        if config.sqlite:
            stack.enter_context(data_dir.locked(config))
        observing = await stack.enter_async_context(_observing(config))
        opening = opened(config, works, say, observing)
        services = await stack.enter_async_context(opening)
        if config.metrics_listen:
            listening = metrics_http.listening(
                *config.metrics_listen, observing.metrics, services.store
            )
            await stack.enter_async_context(listening)
        serving = _listening(config, services, listen, observing)
        address = await stack.enter_async_context(serving)
        say(f"GraphQL     {address}/graphql")
        await _tell_of_token(config, services.store, say, shows_token)
        if shows_demo:
            showing = demo(services.store, address, system_clock())
            token = await stack.enter_async_context(showing)
            say(f"Demo token  {token}")
        _log.info("started", address=address, works=works, **config.described())
        await ended.wait()
        _log.info("stopping")


@asynccontextmanager
async def _observing(config: Config) -> AsyncIterator[Observing]:
    tracing = open_tracing(asked_for=config.traces)
    try:
        yield Observing(Metrics(channel.key for channel in CHANNELS), tracing)
    finally:
        await tracing.close()


@asynccontextmanager
async def opened(
    config: Config, works: bool, say: Say, observing: Observing | None = None
) -> AsyncIterator[Services]:
    """Open the database, up to date, and run the engine on it."""
    observing = observing or Observing()
    keys, made = data_dir.key_ring(config)
    if made is not None:
        say(
            f"Keys        made in {made}: keep a copy, secrets cannot be read without it"
        )
    guard = Guard(config.egress_allow, dev=config.development)
    for version in await migrate.upgrade(config.database_url):
        _log.info("migrated", version=version)
    store = await open_store(config.database_url)
    observing.metrics.watch_store(store, system_clock)
    try:
        channels = {channel.type_name: channel for channel in CHANNELS}
        engine = Engine(
            store,
            channels=channels,
            keys=keys,
            guard=guard,
            clock=system_clock,
            steady=steady_clock,
            measures=observing.metrics,
            spans=observing.tracing,
            work=works,
            events_kept=config.event_retention_days * DAY,
            history_kept=config.history_retention_days * DAY,
            ca_file=config.ca_file,
            mail_server=config.mail_server,
        )
        observing.metrics.watch_engine(engine)
        async with _running(engine):
            yield Services(
                store=store,
                feed=engine.feed,
                channels=channels,
                keys=keys,
                guard=guard,
                clock=system_clock,
                spans=observing.tracing,
                providers=config.providers,
                public_url=config.public_url,
                development=config.development,
            )
    finally:
        await observing.metrics.close()
        await store.close()


@asynccontextmanager
async def _running(engine: Engine) -> AsyncIterator[None]:
    await engine.start()
    try:
        yield
    finally:
        await engine.stop()


@asynccontextmanager
async def _listening(
    config: Config, services: Services, listen: Listen, observing: Observing
) -> AsyncIterator[str]:
    runner = web.AppRunner(
        make_app(config, services, observing),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=HTTP_WIND_UP_S,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, listen.host, listen.port)
        await _bound(site, listen)
        host, port = runner.addresses[0][:2]
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{port}"
    finally:
        await runner.cleanup()


async def _bound(site: web.TCPSite, listen: Listen) -> None:
    try:
        await site.start()
    except OSError as error:
        reason = error.strerror or "it cannot be listened on"
        message = f"{listen.host}:{listen.port} {reason.rpartition(': ')[2]}"
        raise OSError(error.errno, f"{message}; try another --port") from None


async def _tell_of_token(
    config: Config, store: Store, say: Say, shows_token: bool
) -> None:
    """Make the first token where there is none, and say where it is."""
    made = await store.turn(accounts.first_token, config.default_plan, system_clock())
    if made is None:
        say("Token       make another with: tocsin token create --project default")
    elif shows_token:
        say(f"Token       {made}")
    else:
        path = config.data_dir / data_dir.TOKEN_FILE
        with contextlib.suppress(FileNotFoundError):
            path.unlink()  # of a database that is gone
        data_dir.write_private(path, made)
        say(f"Token       written to {path}")
