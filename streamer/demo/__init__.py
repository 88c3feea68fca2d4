"""The demo: a simulated shop on the embedded servers, its screen, and its reset.

Here lives what ``make run`` shows. The shop itself is in ``streamer.simulator``.
"""
