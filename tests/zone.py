"""A double of the resolver: names, aliases, and answers that change."""

import socket
from collections.abc import Mapping, Sequence

LONGEST_CHAIN = 8


class Zone:
    """Answers as a resolver does; each name has a list of answers, the last one stays.

    `asked` has the names that were looked up, in order.
    """

    def __init__(
        self,
        answers: Mapping[str, Sequence[Sequence[str]]],
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self._answers = {name: [*given] for name, given in answers.items()}
        self._aliases = aliases or {}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a name; numbers are read as the C library does."""
        self.asked.append(host)
        name = self._end(host.lower().removesuffix("."))
        if answers := self._answers.get(name):
            return list(answers.pop(0) if len(answers) > 1 else answers[0])
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except (OSError, ValueError):
            raise socket.gaierror(socket.EAI_NONAME, "no such name") from None

    def _end(self, name: str) -> str:
        for _ in range(LONGEST_CHAIN):
            if name not in self._aliases:
                return name
            name = self._aliases[name]
        raise socket.gaierror(socket.EAI_AGAIN, "the aliases have no end")
