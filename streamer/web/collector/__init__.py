"""The collector: events over HTTP, validated as in lanes, and acknowledged by Kafka before they count as accepted.

Customers and segments belong to ``web.api``, file formats to ``sources``.
"""
