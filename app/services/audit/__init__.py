"""The audit log: who did what, sealed in a hash chain, checked by `anshao verify audit`."""
