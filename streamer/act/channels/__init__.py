"""Implement the channels. Each makes one call per message and reports how certain its outcome is."""
