"""What operators see: metrics, logs, alerts and the page that serves them.

Here live the tables of metrics and alert conditions and their exporters. Boards are in ``grafana/``,
Prometheus rules in ``prometheus/``.
"""
