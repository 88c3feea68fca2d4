"""Monitor the service: metrics, logs, alerts and the status server.

This package contains the tables of metrics and alert conditions, and their exporters. Boards are in ``grafana/``,
Prometheus rules in ``prometheus/``.
"""
