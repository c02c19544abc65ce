"""Enforcement cases: from hazards to a filed case under investigation; the rest of the procedure extends the same tables."""
