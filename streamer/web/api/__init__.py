"""Serve the lookup API: memberships, moves and their reasons, as JSON, CSV and server-sent events.

This package contains tokens, the guards of every request, and a handler for each row of `schemas.endpoints.ENDPOINTS`.
Answers are read from ``streamer.queries``, the view in Redis and the read model.
"""
