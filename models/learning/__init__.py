"""What the model owner runs: choose a feature space, cluster, name, watch for drift, propose, publish versions.

Between two frames the centres are moved by a clusterer of choice, ours or River's (``clusterer_choice``).
What lanes run every day against a published version is in ``models.behaviour``.
"""
