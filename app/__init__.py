"""Anshao: field inspection and enforcement for work-safety bureaus.

routers (doors) > http > services/<area> (behaviour) > jobs, storage, rules > models, schemas > db > enums > core > config.
An area has the same plural noun in every folder; content/ holds the law and the checklists as data.
"""

__version__ = "0.1.0"
