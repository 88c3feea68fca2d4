"""Customer segments that move while customers act: the service, its command line, and what runs them.

Here lives the version and nothing else; each folder says what lives in it. The distribution is called ``segment-streamer``.
"""

__version__ = "0.1.0"
