"""The console: pages for the owner of a shop, rendered here and complete without script.

A page is a handler that asks Redis and the read model, and a template. Who sees it came by a one-time link; everything that
comes from events is text, never markup. What the console does, the command line does as well, and the page shows the command.
"""
