"""Doors: parse, authorize, call one service function, answer. One APIRouter per audience."""
