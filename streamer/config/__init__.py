"""Settings: their sources, valid values, and the connections they describe.

This package holds names, defaults and checks. Nothing here opens a connection.
"""
