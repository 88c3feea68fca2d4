"""Ways out: each channel makes one call for one message and says how certain its outcome is."""
