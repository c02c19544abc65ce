"""Behaviour, one folder per area; an area imports only the areas below it (see docs/map.md)."""
