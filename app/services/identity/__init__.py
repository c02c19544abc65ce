"""People, their roles and certificates, their phones and logins, third-party clients, the signing keys."""
