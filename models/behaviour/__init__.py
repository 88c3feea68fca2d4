"""The `behaviour` segmentation: clusters of customers that hold still.

Read in this order: ``layout`` (what is remembered of a customer), ``memory`` (the column store),
``features``, ``model`` (what the owner publishes), ``daily_step`` (the daily step of all customers) and
``models.learning.learner`` (the owner, who alone learns).
"""
