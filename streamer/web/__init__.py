"""Run ``streamer web``: the HTTP process with customer pages, the lookup API, the collector and the console."""
