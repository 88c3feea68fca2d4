"""The `behaviour` segmentation: clusters with stable membership.

Reading order: ``layout`` (what a customer's memory holds), ``memory`` (the column store), ``features``, ``model``
(what the owner publishes), ``daily_step`` (the daily step of all customers) and ``models.learning.learner`` (the
owner, the only process that learns).
"""
