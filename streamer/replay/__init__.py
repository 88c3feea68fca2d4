"""Running the core in-process: the replay of a file, the preview of definitions, the comparison with a live lane.

Here live runs without servers. Their commands are in ``streamer.commands``, files are read in
``streamer.sources``.
"""
