"""The published figures, re-runnable with one command: `make bench`. Speed lives here, never in timed tests."""
