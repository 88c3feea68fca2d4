"""Lists that Redis does not keep: members by segment, moves with reasons, flows and messages, in SQLite.

Here live the tables, what a record changes in them, the questions asked of them, and the reader that feeds them from Kafka.
The truth is elsewhere: delete the file and it fills again. Nothing here answers HTTP.
"""
