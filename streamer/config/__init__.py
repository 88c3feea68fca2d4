"""Settings: where they come from, what they may be, and the connections they stand for.

Here live names, defaults and checks. Nothing here opens a connection.
"""
