"""Features of a customer at an instant: the table of features, the shop's calendar and units, the readable document.

Here live definitions that rules, clusters and documents share. State is in ``models.customer``.
"""
