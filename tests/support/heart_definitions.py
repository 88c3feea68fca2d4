"""Define files of segmentations as a shop edits them: other borders, dwell, guards, new and retired ones, hybrids."""

from __future__ import annotations

from models.rules.defaults import DEFAULT_TEXT

OTHER_BORDERS = DEFAULT_TEXT.replace("orders >= 4", "orders >= 2").replace("lateness >= 2 exit 1.8", "lateness >= 1.5")

HYBRID = (
    DEFAULT_TEXT.split("# -- Not in force")[0]
    + """
[hybrid]
kind = "rules"
rules = [
    { segment = "seen_and_rich", when = "behaviour in (busy, looking) and value is not low" },
    { segment = "seen", when = "known(recency_days) and behaviour is not quiet and interactions >= 1" },
    { segment = "rest" },
]
[hybrid.segments]
seen_and_rich = {}
seen = {}
rest = {}

[over]
kind = "rules"
dwell_days = 4
rules = [
    { segment = "yes", when = "hybrid is rest or lifecycle in (lost, at_risk)" },
    { segment = "no" },
]
[over.segments]
yes = {}
no = {}
"""
)

MOODY = (
    DEFAULT_TEXT
    + """
[mood]
kind = "rules"
rules = [
    { segment = "angry", when = "complaints_decayed >= 1.5 exit 0.5" },
    { segment = "pestered", when = "messages_sent_decayed >= 1 exit 0.4" },
    { segment = "grown", when = "age_years >= 30 and not consent_marketing = 0" },
    { segment = "calm" },
]
[mood.segments]
angry = {}
pestered = {}
grown = {}
calm = {}
"""
)
"""Rules over traits, consent, feedback and outcomes; some of them change with time alone."""

FORESEEING = (
    MOODY
    + """
[reach]
kind = "rules"
dwell_days = 2
rules = [
    { segment = "call", when = "p_buy_30d < 0.3 exit 0.42 and expected_spend_90d >= 10" },
    { segment = "busy_soon", when = "behaviour is busy and p_buy_60d >= 0.5" },
    { segment = "soon", when = "next_order_from < 12 or churn_risk_90d < 0.3" },
    { segment = "other" },
]
[reach.segments]
call = {}
busy_soon = {}
soon = {}
other = {}

[promise]
kind = "bands"
feature = "expected_orders_90d"
bands = [
    { segment = "none" },
    { segment = "some", from = 0.9, exit = 0.8 },
    { segment = "many", from = 1.6, exit = 1.5 },
]
[promise.segments]
none = {}
some = {}
many = {}
"""
)
"""Rules over predictions, alone and beside clusters, with a dwell and exits."""

SLOW = """
[lifecycle]
kind = "rules"
dwell_days = 20
new = { until = "orders >= 2 or age_days >= 14" }
unknown = { without = ["top_category"] }
rules = [
    { segment = "gone", when = "recency_days >= 40 exit 30 and orders_decayed < 0.5" },
    { segment = "here" },
]
[lifecycle.segments]
new = { name = "Newcomer" }
unknown = {}
gone = {}
here = {}

[value]
kind = "bands"
feature = "spend_decayed"
dwell_days = 2
new = { until = "orders >= 1" }
bands = [{ segment = "low" }, { segment = "some", from = 20, exit = 10 }, { segment = "top", from = 90 }]
[value.segments]
new = {}
low = {}
some = {}
top = {}
"""
"""No clusters, and a different meaning of the former `new`."""

OWN = (
    DEFAULT_TEXT
    + """
[own]
kind = "rules"
unknown = { without = ["custom.t0"] }
rules = [
    { segment = "many", when = "custom.t0 >= 12 exit 9" },
    { segment = "big", when = "custom.t1 in (big, true)" },
    { segment = "told", when = "known(custom.t2)" },
    { segment = "rest" },
]
[own.segments]
unknown = {}
many = {}
big = {}
told = {}
rest = {}

[sized]
kind = "bands"
feature = "custom.t0"
bands = [{ segment = "small" }, { segment = "large", from = 10, exit = 8 }]
[sized.segments]
small = {}
large = {}
"""
)
"""Rules over a shop's custom traits: a number, a word, and one that is only tested for existence."""

ALL_ACTIVE = DEFAULT_TEXT.replace("active = false\n", "")
"""Everything in the built-in file."""

HEART_DEFINITIONS = (ALL_ACTIVE, OTHER_BORDERS, HYBRID, SLOW, OWN)
