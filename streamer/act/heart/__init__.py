"""The pure core of ``act``: `plan`, `due` and `settle` are functions of state, records and an instant."""
