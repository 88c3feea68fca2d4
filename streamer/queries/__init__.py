"""Compute the data behind commands and pages.

These are plain functions of view, topics and settings that return JSON-safe values. Nothing here uses Typer or a
terminal, or changes the service. Texts for the screen are in ``streamer.commands``.
"""
