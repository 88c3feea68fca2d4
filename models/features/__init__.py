"""Features of a customer at an instant: the feature table, the shop's calendar and units, the readable document.

Rules, clusters and documents share these definitions. The state itself is in ``models.customer``.
"""
