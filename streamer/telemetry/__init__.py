"""Monitoring for operators: metrics, logs, alerts and the status server.

This package holds the tables of metrics and alert conditions and their exporters. Boards are in ``grafana/``,
Prometheus rules in ``prometheus/``.
"""
