"""Run ``streamer act``: send each message that a segment change triggers once, with consent (``docs/plays.md``)."""
