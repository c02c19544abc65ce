"""The law, the checklists and the calendar as data, versioned by the date they come into force."""
