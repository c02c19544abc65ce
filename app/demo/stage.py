"""What the audience sees: chapters, lines, progress, tables. Plain text where there is no terminal."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

Advance = Callable[[int], None]
NARROWEST = 100


class Stage:
    """Writes to standard output; a narrow pipe is given room, so that nothing is cut off."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        if not self._console.is_terminal:
            self._console = Console(
                highlight=False, soft_wrap=True, width=max(NARROWEST, self._console.width)
            )
        self._chapter = 0

    def chapter(self, zh: str, en: str) -> None:
        """Begin the next part of the story."""
        self._chapter += 1
        self._console.print()
        self._console.print(f"{self._chapter}. {zh} · {en}", style="bold cyan", markup=False)

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(f"   {text}", markup=False)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Advance]:
        """A bar while the block runs; the function given takes how many are done."""
        columns = (
            TextColumn("   {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        is_hidden = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=is_hidden) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table."""
        shown = Table(*header, title=title, title_justify="left", title_style="bold")
        for row in rows:
            shown.add_row(*row)
        self._console.print()
        self._console.print(shown, markup=False)
