"""What tests stand on: the database, the client, query counts."""
