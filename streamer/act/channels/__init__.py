"""Channels: each makes one call per message and reports how certain its outcome is."""
