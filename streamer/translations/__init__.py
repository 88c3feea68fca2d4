"""Texts of commands and errors in Chinese, by their English text, for the terminal and for the pages of the console."""
