"""Safety assistants' patrols and whistles: kept from their sealed packages, read, and answered by the officers."""
