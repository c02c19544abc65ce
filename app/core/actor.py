"""Who is acting: a person, a person's phone, a third-party client, an enterprise's person, or the system itself."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.core.errors import ForbiddenProblem

ActorKind = Literal["user", "client", "enterprise", "system"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One role within a set of regions (the granted region and everything below it)."""

    role: str
    actions: frozenset[str]
    region_ids: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Actor:
    """The acting subject of one request or job. Deny by default: what no grant allows is refused.

    `session_id` tells two logins of the same person apart; `device_id` is set when the session is a phone's.
    `user_id` is the person (None for a client or the system), `client_id` the third-party application.
    `must_change_password`: logged in by a password that somebody else made; allowed() refuses everything until it is changed.
    An enterprise's person acts by an invitation (`invitation_id`): no region, only what concerns `enterprise_id` at `site_id`.
    """

    kind: ActorKind
    grants: tuple[Grant, ...] = ()
    user_id: UUID | None = None
    session_id: UUID | None = None
    device_id: UUID | None = None
    client_id: UUID | None = None
    invitation_id: UUID | None = None
    enterprise_id: UUID | None = None
    site_id: UUID | None = None
    authority_id: UUID | None = None
    name: str = ""
    must_change_password: bool = False

    @property
    def label(self) -> str:
        """A stable subject for logs, cursors and keys: never personal data."""
        return f"{self.kind}:{self.user_id or self.client_id or self.invitation_id or '-'}"

    @property
    def roles(self) -> frozenset[str]:
        """The roles held anywhere."""
        return frozenset(grant.role for grant in self.grants)

    def can(self, action: str) -> bool:
        """True when the action is granted in some region (or the system acts)."""
        return self.kind == "system" or any(action in grant.actions for grant in self.grants)

    def regions_for(self, action: str) -> frozenset[UUID]:
        """The regions in which the action is granted; empty means nowhere."""
        granted = [grant.region_ids for grant in self.grants if action in grant.actions]
        return frozenset().union(*granted)

    def require(self, action: str, region_id: UUID | None = None) -> None:
        """Raise ForbiddenProblem unless the action is granted, in `region_id` when one is given."""
        if self.kind == "system":
            return
        if region_id is None and self.can(action):
            return
        if region_id is not None and region_id in self.regions_for(action):
            return
        raise ForbiddenProblem(action=action)


SYSTEM = Actor(kind="system", name="system")
