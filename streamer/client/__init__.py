"""Clients of the running service: read changes, activate definitions.

This package holds live clients of the published topics. Raw access to servers is in ``streamer.adapters``.
"""
