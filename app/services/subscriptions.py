"""Which areas react to the news of lower areas: importing a subscribers module registers its reactions."""

from importlib import import_module

SUBSCRIBERS: tuple[str, ...] = (
    "app.services.clocks.subscribers",
    "app.services.hazards.subscribers",
    "app.services.inspections.subscribers",
    "app.services.patrols.subscribers",
    "app.services.cases.subscribers",
)


def load_subscriptions() -> None:
    """Register every reaction; harmless when called twice."""
    for name in SUBSCRIBERS:
        import_module(name)
