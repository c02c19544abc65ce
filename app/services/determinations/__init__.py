"""Determinations: rule sets in force by date, fact sheets, explained verdicts, and what people make of them."""
