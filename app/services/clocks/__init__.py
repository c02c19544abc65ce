"""Statutory clocks: legal periods with their ledger, projected over the imported working calendar."""
