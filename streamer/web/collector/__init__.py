"""Collect events over HTTP: validated as in lanes, and accepted only once Kafka has acknowledged them.

Customers and segments belong to ``web.api``, file formats to ``sources``.
"""
