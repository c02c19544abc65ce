"""Checklists: their content, their immutable versions, what an answer is worth and which facts it gives."""
