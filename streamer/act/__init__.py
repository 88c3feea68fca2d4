"""``streamer act``: messages that segment changes cause, each sent once to those who allow it (``docs/plays.md``)."""
