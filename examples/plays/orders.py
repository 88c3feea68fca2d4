"""Print a table of orders for trying out plays: Ann ordered every month, and has now been silent for almost three."""

from __future__ import annotations

from datetime import date, timedelta

print("customer,email,order,date,total")
for number, ago in enumerate(range(290, 79, -30)):
    print(f"ann,ann@example.org,A-{1000 + number},{date.today() - timedelta(days=ago)},59.90")
