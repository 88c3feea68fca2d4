"""What a user of the running service needs: read changes, activate definitions.

Here live clients of the published topics. Raw access to servers is in ``streamer.adapters``.
"""
