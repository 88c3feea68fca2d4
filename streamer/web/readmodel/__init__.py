"""The read model, in SQLite: lists that Redis does not hold, such as members by segment, moves, flows and messages.

This package holds the tables, the updates by records, the queries, and the reader that feeds them from Kafka. It is
derived data: a deleted file is filled again. It contains no HTTP code.
"""
