"""A phone's copy of the data, kept as a client would: pulled page by page, tombstones taken out."""

from typing import Any
from uuid import UUID

from app.jobs.relay import assign_positions
from tests.factories.world import World


class Replica:
    """The collections of one phone (anything that has `request(method, path)`)."""

    def __init__(self, world: World, phone: Any, limit: int = 500) -> None:
        self._world = world
        self._phone = phone
        self.limit = limit
        self.rows: dict[str, dict[str, dict[str, Any]]] = {}
        self.cursors: dict[str, str] = {}

    def page(self, collection: str, **options: Any) -> Any:
        """The answer to the next pull, not taken in."""
        params: dict[str, Any] = {"limit": self.limit}
        if collection in self.cursors:
            params["cursor"] = self.cursors[collection]
        return self._phone.request("GET", f"/sync/{collection}/pull", params=params, **options)

    def pull(self, collection: str) -> list[dict[str, Any]]:
        """Everything that is new, taken in; the relay has been at work before."""
        relay(self._world)
        news: list[dict[str, Any]] = []
        while True:
            answer = self.page(collection)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            assert len(body["documents"]) <= self.limit
            self.take(collection, body["documents"], body["checkpoint"]["cursor"])
            news += body["documents"]
            if len(body["documents"]) < self.limit:
                assert not body["has_more"]
                return news

    def take(self, collection: str, documents: list[dict[str, Any]], cursor: str) -> None:
        """Apply a page."""
        rows = self.rows.setdefault(collection, {})
        for document in documents:
            if document["_deleted"]:
                rows.pop(document["id"], None)
            else:
                rows[document["id"]] = document
        self.cursors[collection] = cursor

    def held(self, collection: str) -> set[UUID]:
        """The ids it has."""
        return {UUID(identifier) for identifier in self.rows.get(collection, {})}


def relay(world: World) -> None:
    """Give every committed change its position."""
    world.in_database(lambda session: assign_positions(session, 1_000_000))
