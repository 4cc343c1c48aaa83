"""Loaders of one operation: what many rows ask for is read in one statement.

A row carries its operation's `Loaders` and nothing else of the request.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from strawberry.dataloader import DataLoader

from domain.ids import Id
from models.store import Store

V = TypeVar("V")

BATCH: Final = 100
"""Keys of one statement; a page has no more rows."""

Batch = Callable[..., Awaitable[Sequence[V]]]
"""`async def batch(loaders, keys, *shape)`: the values in the order of the keys.
It must look at `loaders.project_id`: a foreign id is not found."""


class Loaders:
    """Reads in batches for one project, each key once until `clear`."""

    def __init__(self, store: Store, project_id: Id) -> None:
        """Start with nothing read."""
        self.store = store
        self.project_id = project_id
        self._loaders: dict[Hashable, DataLoader[Any, Any]] = {}

    def load(self, batch: Batch[V], key: Hashable, *shape: Hashable) -> Awaitable[V]:
        """Return what `batch` gives for the key, together with all other keys that
        are asked for with the same batch and shape in this turn of the event loop.
        """
        loader = self._loaders.get((batch, shape))
        if loader is None:
            load = partial(_load, self, batch, shape)
            loader = DataLoader(load, max_batch_size=BATCH)
            self._loaders[batch, shape] = loader
        return loader.load(key)

    def clear(self) -> None:
        """Forget all: after a write, and before each event of a subscription."""
        self._loaders.clear()


async def _load(
    loaders: Loaders,
    batch: Batch[V],
    shape: tuple[Hashable, ...],
    keys: list[Any],
) -> Sequence[V]:
    return await batch(loaders, keys, *shape)
