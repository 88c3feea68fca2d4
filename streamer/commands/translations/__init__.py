"""Puts the help of commands and options into Chinese."""
