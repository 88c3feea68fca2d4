"""Run the demo: a simulated shop on the embedded servers, its screen, and its reset.

This package contains what ``make run`` shows. The shop itself is in ``streamer.simulator``.
"""
