"""What partners read. Slow to change: members are added, never renamed or removed within v1. Nothing unconfirmed, no people."""
