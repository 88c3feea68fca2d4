"""The file of plays: its schema, and its validated values."""
