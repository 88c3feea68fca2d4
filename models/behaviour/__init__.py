"""The `behaviour` segmentation: clusters with stable membership.

Reading order: ``layout`` (the content of a customer's memory), ``memory`` (the column store), ``features``, ``model``
(a published version), ``daily_step`` (the daily step of all customers) and ``models.learning.learner`` (the owner, the
only process that learns).
"""
