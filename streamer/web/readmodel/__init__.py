"""Keep the read model, in SQLite: lists that Redis lacks, such as members by segment, moves, flows and messages.

This package contains the tables, the updates by records, the queries, and the reader that feeds them from Kafka. The
file is derived data: if deleted, it is filled again. This package contains no HTTP code.
"""
