"""The Grafana dashboards, and the code that builds them."""
