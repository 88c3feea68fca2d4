"""What the model owner runs: choose a feature space, cluster, name, watch for drift, propose, publish versions.

Here River learns. What lanes run every day against a published version is in ``models.behaviour``.
"""
