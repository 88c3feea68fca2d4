"""Answers that commands and pages show: plain functions of the view, the topics and the settings, JSON-safe.

Nothing here touches Typer or a terminal, and nothing changes the service. Words on the screen are in
``streamer.commands``.
"""
