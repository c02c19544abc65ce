"""News between areas: a lower area publishes, a higher one reacts, in the same transaction.

An event is a frozen dataclass named in the past tense (services/<area>/events.py). Reactions are registered with
@subscribe in services/<area>/subscribers.py and run in order of registration; an error undoes the whole unit.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

_reactions: dict[type, list[Callable[..., Awaitable[None]]]] = defaultdict(list)


def subscribe(event: type) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Register `reaction(context, event)` for an event class; `context` is what publish() was given."""

    def register(reaction: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        if reaction not in _reactions[event]:
            _reactions[event].append(reaction)
        return reaction

    return register


async def publish(context: Any, event: object) -> None:
    """Run every reaction to `event`, one after the other, in the caller's unit of work."""
    for reaction in _reactions[type(event)]:
        await reaction(context, event)
