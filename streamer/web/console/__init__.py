"""Serve the console: pages for the shop's owner, rendered on the server and complete without scripts.

A page is a handler that queries Redis and the read model, and a template. Visitors enter by a one-time link, and all
text from events is escaped. The command line can do everything the console does, and each page shows the command.
"""
