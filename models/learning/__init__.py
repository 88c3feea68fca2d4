"""The model owner's work: select a feature space, cluster, name, detect drift, propose and publish versions.

Between two frames a configurable clusterer, ours or River's, moves the centres (``clusterer_choice``).
``models.behaviour`` holds what lanes run every day against a published version.
"""
