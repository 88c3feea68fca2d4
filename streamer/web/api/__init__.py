"""The lookup API: who is where, who moved and why, as JSON, CSV and server-sent events.

Here live tokens, what guards every request, and a handler for each row of `schemas.endpoints.ENDPOINTS`. What is answered comes
from ``streamer.queries``, the view in Redis and the read model.
"""
