"""What an enterprise's person sends and reads: issued orders and own reports of one site; nothing suspected, nobody else's."""
