"""Grafana's boards, and what makes them."""
