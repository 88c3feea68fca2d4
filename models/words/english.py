"""English. Segments are as they are shipped: a definition that says otherwise was written by the shop."""

from __future__ import annotations

from models.words.table import Named, Table

TABLE = Table(
    segmentations={
        "lifecycle": "lifecycle",
        "value": "value",
        "behaviour": "behaviour",
        "needs": "needs",
        "demographic": "demographic",
        "hybrid": "hybrid",
    },
    kinds={"rules": "rules", "bands": "bands", "clusters": "clusters", "affinity": "affinity"},
    segments={
        ("lifecycle", "prospect"): Named("Prospect", "has not bought (or took everything back)"),
        ("lifecycle", "new"): Named("New", "bought once, not long ago"),
        ("lifecycle", "active"): Named("Active", "buys, and is within the usual gap between orders"),
        ("lifecycle", "loyal"): Named("Loyal", "four orders or more, and within the usual gap"),
        ("lifecycle", "champion"): Named("Champion", "eight orders or more, spends much, and is within the usual gap"),
        ("lifecycle", "at_risk"): Named("At risk", "silent for twice the customer's own usual gap"),
        ("lifecycle", "hibernating"): Named("Hibernating", "silent for four times the customer's own usual gap"),
        ("lifecycle", "lost"): Named("Lost", "silent for six times the usual gap, or for a year"),
        ("value", "low"): Named("Low", "spends little of late"),
        ("value", "medium"): Named("Medium", "spends a usual amount of late"),
        ("value", "high"): Named("High", "spends much of late"),
        ("value", "top"): Named("Top", "among the biggest spenders of late"),
        ("behaviour", "new"): Named("New", "too little is known yet to say whom the customer is like"),
        ("needs", "mixed"): Named("Mixed", "buys here and there, without a favourite category"),
        ("needs", "unknown"): Named("Unknown", "has not bought anything that says what for"),
        ("demographic", "unknown"): Named("Unknown", "the profile does not say"),
        ("hybrid", "vip_at_risk"): Named("VIP at risk", "worth much, and silent for too long"),
        ("hybrid", "bargain_new"): Named("New bargain hunter", "new, and buys mostly at a discount"),
        ("hybrid", "other"): Named("Other", "none of the combinations above"),
    },
    clusters={
        "Champions": Named("Champions", "buy most often and spend most"),
        "Loyal": Named("Loyal", "buy often, mostly at full price"),
        "Big-ticket": Named("Big-ticket", "buy seldom, and then for much"),
        "Bargain hunters": Named("Bargain hunters", "buy mostly at a discount"),
        "Browsers": Named("Browsers", "look much and buy little"),
        "Explorers": Named("Explorers", "buy from many categories"),
        "Specialists": Named("Specialists", "buy often, from few categories"),
        "Occasional": Named("Occasional", "buy now and then"),
        "At risk": Named("At risk", "do less than they used to"),
        "Hibernating": Named("Hibernating", "have done nothing for long"),
    },
    causes={
        name: name
        for name in (
            "event",
            "time",
            "late",
            "profile",
            "merge",
            "refit",
            "definition_edit",
            "backfill",
            "consent",
            "erase",
            "reconcile",
        )
    },
    # In English a feature is called as rules call it.
    features={},
    units={},
    texts={
        "group": "Group {number}",
        # Changes, one a line.
        "none": "(none)",
        "because": " because {reasons}",
        "more reasons": "; and {count} more",
        "between reasons": "; ",
        "border": " (border {border})",
        "safe": ", safe",
        "watching": "watching segment changes; Ctrl-C ends it",
        # One customer.
        "customer": "customer {id}, last seen {day}",
        "in segment": "  {segmentation}: {segment}, since {day}",
        "by time": "; by time alone {segment} on {day}",
        "more for": "      {amount} more {feature} for {segment}",
        "below": "      {segment} below {feature} {border}",
        "in none": "  in no segment",
        "features as of": "features as of {day}:",
        # Segments.
        "version": ", version {version}",
        "no clusters yet": "no version yet: the model owner (`streamer worker --role owner`) learns the first one once "
        "the shop has {buyers} buyers and {days} days of events",
        "earlier version": "of an earlier version; its customers move on as they are judged",
        # The demo.
        "demo history": "history, day {day} of {days}",
        "demo starting": "starting",
        "demo live": "live",
        "demo ending": "ending",
        "demo headline": "{speed:,.0f} records/s, {records:,} in all, {customers:,} customers, {changes:,} changes",
        "demo latency": ", readable {p50:,.0f} ms after the event (p99 {p99:,.0f} ms)",
        "latest changes": "latest changes",
        "column when": "when",
        "column customer": "customer",
        "column segmentation": "segmentation",
        "column from": "from",
        "column to": "to",
        "column cause": "cause",
        "column because": "because",
        "column changes": "changes",
        "column customers": "customers by segment",
        "result records": "{rows}{records:,} records in {seconds:,.1f} s ({speed:,.0f} a second)",
        "result rows": "{rows:,} rows, ",
        "result customers": "{customers:,} customers, {orders:,} orders, {reversals:,} refunds and cancellations, "
        "{money:,.2f} {currency} net",
        "result applied": "{applied:,} applied ({late:,} late), {duplicates:,} repeats, {dead:,} dead letters, "
        "{rerouted:,} rerouted, {control:,} control",
        "result skipped": "no event: {counts}",
        "result dead letters": "dead letters: {counts}",
        "first change": "the first change came {seconds:.1f} s after the start",
        "readable after": "changes of live events were readable after {p50:.3f} s (median), {p95:.3f} s (95 of 100), "
        "{p99:.3f} s (99 of 100)",
        "next": "next:",
        "another terminal": "(and in another terminal: {command})",
    },
)
