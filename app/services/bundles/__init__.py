"""Bundle files: what a phone without a network gives to somebody who has one. Opaque to the carrier, who is never the author."""
