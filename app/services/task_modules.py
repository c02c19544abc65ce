"""Which modules hold job handlers: importing one registers its tasks. Each area adds its own `jobs` module here."""

from importlib import import_module

TASK_MODULES: tuple[str, ...] = (
    "app.jobs.housekeeping",
    "app.services.enterprises.jobs",
    "app.services.evidence.jobs",
    "app.services.inspections.jobs",
    "app.services.clocks.jobs",
    "app.services.hazards.jobs",
)


def load_tasks() -> None:
    """Register every task; harmless when called twice."""
    for name in TASK_MODULES:
        import_module(name)
