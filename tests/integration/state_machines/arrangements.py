"""What clients may do to servers, integrations, and what hears of what."""

from dataclasses import dataclass, replace
from typing import Any

from tests.integration.state_machines.model import DELETED, Integration, Model
from tests.integration.state_machines.operations import Answer, refused, shown


@dataclass(frozen=True, slots=True)
class CreateServer:
    """Make a server known."""

    name: str

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        return "createServer", {"name": self.name, "host": self.name}, "server"

    def apply(self, model: Model, answer: Answer) -> bool:
        if answer.id is None:
            return False
        model.servers[answer.id] = True
        return True


@dataclass(frozen=True, slots=True)
class CreateIntegration:
    """Make an integration with an address of its own."""

    url: str

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        settings = {"webhook": {"webhookUrl": self.url}}
        return "createIntegration", {"settings": settings}, "integration"

    def apply(self, model: Model, answer: Answer) -> bool:
        if answer.id is None:
            return False
        model.integrations[answer.id] = Integration()
        return True


@dataclass(frozen=True, slots=True)
class Update:
    """Enable or disable an integration, or change its settings."""

    integration: str
    active: bool | None = None
    down_only: bool | None = None
    url: str | None = None

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        given: dict[str, Any] = {"integrationId": self.integration}
        if self.active is not None:
            given["active"] = self.active
        if self.down_only is not None:
            given["downAlertsOnly"] = self.down_only
        if self.url is not None:
            given["settings"] = {"webhook": {"webhookUrl": self.url}}
        return "updateIntegration", given, "integration"

    def apply(self, model: Model, answer: Answer) -> bool:
        before = model.integrations[self.integration]
        if before.deleted:
            return refused(answer, "INTEGRATION_NOT_FOUND")
        if self.active is False:
            model.disable(self.integration)
        it = model.integrations[self.integration]
        model.integrations[self.integration] = replace(
            it,
            active=it.active if self.active is None else self.active,
            down_only=it.down_only if self.down_only is None else self.down_only,
            changes=it.changes + 1,
        )
        return shown(answer, self.integration)


@dataclass(frozen=True, slots=True)
class DeleteIntegration:
    """Delete an integration."""

    integration: str

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        return "deleteIntegration", {"integrationId": self.integration}, ""

    def apply(self, model: Model, answer: Answer) -> bool:
        before = model.integrations[self.integration]
        if before.deleted:
            return refused(answer, "INTEGRATION_NOT_FOUND")
        terms = before.terms + 1
        gone = replace(before, deleted=True, active=False, terms=terms)
        model.integrations[self.integration] = gone
        model.attached = frozenset(
            pair for pair in model.attached if pair[1] != self.integration
        )
        model.switch_off(self.integration, DELETED)
        return answer.id == self.integration


@dataclass(frozen=True, slots=True)
class DeleteServer:
    """Delete a server; its incidents go on."""

    server: str

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        return "deleteServer", {"serverId": self.server}, ""

    def apply(self, model: Model, answer: Answer) -> bool:
        if not model.servers[self.server]:
            return refused(answer, "SERVER_NOT_FOUND")
        model.servers[self.server] = False
        return answer.id == self.server


@dataclass(frozen=True, slots=True)
class Attach:
    """Attach an integration to a server, or detach it."""

    mutation: str
    server: str
    integration: str

    @property
    def call(self) -> tuple[str, dict[str, Any], str]:
        given = {"serverId": self.server, "integrationId": self.integration}
        return self.mutation, given, "server"

    def apply(self, model: Model, answer: Answer) -> bool:
        codes = []
        if not model.servers[self.server]:
            codes.append("SERVER_NOT_FOUND")
        if model.integrations[self.integration].deleted:
            codes.append("INTEGRATION_NOT_FOUND")
        if codes:
            return refused(answer, *codes)
        pair = frozenset({(self.server, self.integration)})
        if self.mutation == "attachIntegrationToServer":
            model.attached |= pair
        else:
            model.attached -= pair
        return shown(answer, self.server)
