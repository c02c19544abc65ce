"""What travels on the wire (Pydantic); knows no tables."""
