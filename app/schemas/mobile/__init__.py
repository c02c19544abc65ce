"""What phones send and receive."""
