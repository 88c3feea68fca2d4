"""Define the file of plays: its schema, and its validated values."""
