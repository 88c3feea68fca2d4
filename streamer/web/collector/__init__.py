"""The collector: events over HTTP, judged as lanes judge them, acknowledged by Kafka before they are called accepted.

Not here: what a customer or a segment is (``web.api`` answers that), and the reading of files (``sources``).
"""
