"""Assignments, visits, sealed packages, signatures, findings, receipts: the heart of the field protocol."""
