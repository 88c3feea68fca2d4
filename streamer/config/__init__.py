"""Settings: their sources, valid values, and the connections they describe.

Here live names, defaults and checks. Nothing here opens a connection.
"""
