"""The board Plays: messages sent by plays, customers stopped by their gates, and the effect of plays."""

from __future__ import annotations

from typing import Final

from grafana.board import Board, Panel, Query, stat
from grafana.queries import JOB, rate


def _now(metric: str, by: str, unit: str = "") -> str:
    """Return a metric of the process that sends, by a label."""
    return f"max by ({by}) (streamer_{metric}{{{JOB}{unit}}})"


_SENT: Final = f'max by (play) (streamer_act_messages_total{{{JOB}, step="sent"}})'
_HEARD: Final = f"(sum by (play) (streamer_act_heard_total{{{JOB}}}) or 0 * {_SENT})"
_SECONDS: Final = f"sum by (le, channel) (rate(streamer_act_call_seconds_bucket{{{JOB}}}[$__rate_interval]))"


PLAYS: Final = Board(
    uid="streamer-plays",
    title="Plays",
    description="What messages plays send, whom their gates stop, and whether they help.",
    panels=(
        stat(
            "Plays running",
            "Plays that send.",
            f"max(streamer_act_plays_running{{{JOB}}})",
            "running",
            width=4,
            runbook="ActSilent",
        ),
        stat(
            "Sent",
            "Messages sent within the time shown.",
            f'round(sum(increase(streamer_act_messages_total{{{JOB}, step="sent"}}[$__range])))',
            "sent",
            width=4,
        ),
        stat(
            "Waiting", "Messages that wait or are under way.", f"sum(streamer_act_waiting{{{JOB}}})", "waiting", width=4
        ),
        stat(
            "Paused plays",
            "Plays that wait for a person.",
            f"sum(streamer_act_play_paused{{{JOB}}})",
            "paused",
            width=4,
            runbook="PlayStopped",
            zero_is_good=True,
        ),
        stat(
            "Doubtful",
            "Messages that may or may not have been sent, and wait for a person.",
            f"sum(streamer_act_doubtful{{{JOB}}})",
            "doubtful",
            width=4,
            runbook="DoubtfulWaiting",
            zero_is_good=True,
        ),
        stat(
            "Unaccounted",
            "Planned messages that no counter explains: always 0.",
            f"sum(abs(streamer_act_unaccounted{{{JOB}}}))",
            "unaccounted",
            width=4,
            runbook="MessagesUnaccounted",
            zero_is_good=True,
        ),
        Panel(
            "What became of messages",
            "All messages since each play was started first: planned, sent, withheld (held out), failed, doubtful.",
            "short",
            (Query(f"sort_desc({_now('act_messages_total', 'play, step')} > 0)", "{{play}}: {{step}}"),),
            kind="bargauge",
            width=8,
            height=10,
        ),
        Panel(
            "Whom gates stopped",
            "Messages that a gate did not let pass, since each play was started first.",
            "short",
            (Query(f"sort_desc({_now('act_dropped_total', 'play, gate')})", "{{play}}: {{gate}}"),),
            kind="bargauge",
            width=8,
            height=10,
        ),
        Panel(
            "Uplift",
            "How many more of those who got it buy, as a share, with both bounds of the interval of the report: above zero "
            "it helps. Before the date that a play names the interval may be looked at every day.",
            "percentunit",
            (Query(_now("act_uplift", "play, bound"), "{{play}}: {{bound}}"),),
            width=8,
            height=10,
        ),
        Panel(
            "Sends",
            "Messages sent a minute. Marketing pauses in each customer's quiet hours, and comes in their morning.",
            "cpm",
            (Query(rate("act_messages_total", "play", f'{JOB}, step="sent"', per_minute=True), "{{play}}"),),
            width=16,
            stacked=True,
        ),
        Panel(
            "Unsubscribes and complaints per thousand",
            "Answers to a thousand messages sent; a play's stop_if pauses it where there are surely too many.",
            "short",
            (Query(f"1000 * {_HEARD} / ({_SENT} > 0)", "{{play}}"),),
            width=8,
            runbook="PlayStopped",
        ),
        Panel(
            "Waiting messages",
            "Messages that wait for their time, the end of quiet hours, a budget, a rate, a yes, or an answer.",
            "short",
            (Query(_now("act_waiting", "play"), "{{play}}"),),
            width=8,
            stacked=True,
        ),
        Panel(
            "Overdue",
            "How long the message that waits longest is past its time.",
            "s",
            (Query(f"max(streamer_act_overdue_seconds{{{JOB}}})", "overdue"),),
            width=8,
            runbook="MessagesOverdue",
        ),
        Panel(
            "Channels that do not answer",
            "1 while a channel's breaker is open: its messages wait, and one call a minute tries.",
            "short",
            (Query(_now("act_breaker_open", "channel"), "{{channel}}"),),
            width=8,
            runbook="BreakerOpen",
        ),
        Panel(
            "Calls",
            "From the beginning of a call to its answer: 95 of a hundred are faster.",
            "s",
            (Query(f"histogram_quantile(0.95, {_SECONDS})", "{{channel}}"),),
            width=8,
            runbook="BreakerOpen",
        ),
        Panel(
            "Coupons left",
            "Codes of each pool that nobody has.",
            "short",
            (Query(_now("act_coupons_free", "pool"), "{{pool}}"),),
            width=8,
            runbook="CouponsLow",
        ),
        Panel(
            "Budget left today",
            "Messages that plays with a budget may still send on this day of the shop.",
            "short",
            (Query(_now("act_budget_left", "play"), "{{play}}"),),
            width=8,
        ),
    ),
)
