"""The supervisors' board: what is still on phones, and phones that have been silent too long."""
