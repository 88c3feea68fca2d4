"""Test what a worker exposes: fed by real lanes in memory, read back as Prometheus would."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.behaviour.features import Priors
from models.behaviour.layout import FEATURES
from models.behaviour.model import ClusterModel, Frame, Segment
from models.messages import messages
from schemas.changes import CAUSES
from schemas.control import CONTROL_TYPES, ControlModel, control_headers, encode_control
from schemas.deadletters import REASONS
from schemas.errors import UserError
from schemas.events import EVENT_TYPES
from schemas.money import Rates
from schemas.records import Record
from streamer.adapters.memory import MemoryBroker, MemoryLog, MemoryView
from streamer.core.policy import Policy
from streamer.lanes.context import LaneContext, Silent, Step
from streamer.lanes.lane import Lane
from streamer.lanes.ports import Batch
from streamer.telemetry.lane_metrics import Histogram, MetricState
from streamer.telemetry.metrics import BY_NAME, METRICS, OWNER_METRICS, PREFIX
from streamer.telemetry.prometheus import Exporter

NOW = 1_750_000_000_000
TWO_LANES = Policy(lanes=2)
NAMES = TWO_LANES.definitions.names


class Clock:
    def __init__(self) -> None:
        self.now = NOW + 2_000

    def now_ms(self) -> int:
        return self.now


def event(offset: int, customer: str, lane: int = 0, *, id: str | None = None, order: bool = True) -> Record:
    body: dict[str, object] = {
        "event_id": id or f"e{offset}",
        "customer_id": customer,
        "occurred_at": "2025-06-15T15:06:39Z",
        "type": "order.completed" if order else "product.viewed",
    }
    if order:
        body |= {"order_id": f"o{id or offset}", "total": 60.0, "currency": "EUR"}
    return Record(lane, offset, NOW, customer.encode(), json.dumps(body).encode())


def model() -> ClusterModel:
    zeros = (0.0,) * FEATURES
    identity = tuple(tuple(float(row == axis) for axis in range(FEATURES)) for row in range(FEATURES))
    segments = tuple(
        Segment(
            f"s{n}",
            f"S{n}",
            code=2 + n,
            slot=n,
            slot_since=1,
            centroid=(float(n),) * FEATURES,
            order_rate=0.1,
            click_rate=1.0,
            order_shape=1.0,
            click_shape=1.0,
            log_basket=3.0,
            log_basket_var=0.1,
            basket=20.0,
            discount=0.1,
        )
        for n in range(2)
    )
    frame = Frame(zeros, identity, (-9.0,) * FEATURES, (9.0,) * FEATURES, Priors(3.0, 0.1))
    return ClusterModel(version=7, frame=frame, segments=segments, sigma2=0.1, phi=(1.0, 1.0))


def model_record(offset: int) -> Record:
    value = encode_control(ControlModel(segmentation="behaviour", version=7, body=model().to_dict()))
    return Record(0, offset, NOW, None, value, control_headers(value))


def records() -> list[Record]:
    """Return records for lane 0 of two: c0 and c4 belong there, c1 to lane 1; one repeat, one broken, one control record."""
    return [
        event(0, "c0"),
        event(1, "c4", order=False),
        event(2, "c0", id="e0"),
        Record(0, 3, NOW, b"c0", b"{"),
        event(4, "c1"),
        model_record(5),
        event(6, "c0", order=False),
    ]


def run_lane(batches: list[list[Record]], lane: int = 0) -> list[Step]:
    steps: list[Step] = []
    broker = MemoryBroker(NOW)

    class Collecting(Silent):
        def stepped(self, step: Step) -> None:
            steps.append(step)

    async def run() -> None:
        context = LaneContext(TWO_LANES, Clock())
        one = Lane(lane, MemoryLog(broker, lane), MemoryView(), context, Collecting())
        await one.open()
        for batch in batches:
            one.offer(Batch(batch[0].offset, batch[-1].offset + 1, batch))
            await one.turn()

    asyncio.run(run())
    return steps


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def exporter(clock: Clock) -> Iterator[Exporter]:
    made = Exporter(MetricState(clock, NAMES), "1.2.3")
    yield made
    made.stop()


def scraped(exporter: Exporter) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return all samples by sample name and sorted labels, from the text that is served."""
    from prometheus_client import generate_latest

    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(generate_latest(exporter.registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(exporter: Exporter, name: str, **labels: str) -> float | None:
    return scraped(exporter).get(PREFIX + name, {}).get(tuple(sorted(labels.items())))


def fed(exporter: Exporter) -> Step:
    (step,) = run_lane([records()])
    exporter.state.on_step(step)
    exporter.state.on_end_offsets({0: 9})
    exporter.state.on_lanes({0})
    exporter.state.lane_restored(step.state, 0.3, 2)
    return step


# -- the table ------------------------------------------------------------------------------------------------


def test_names_follow_the_rules() -> None:
    assert len(BY_NAME) == len(METRICS) + len(OWNER_METRICS)
    for metric in (*METRICS, *OWNER_METRICS):
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert metric.help and not metric.help.endswith(".")
        assert not {"customer", "customer_id", "le"} & set(metric.labels)


def test_every_metric_of_the_table_is_exposed_and_no_other(exporter: Exporter) -> None:
    fed(exporter)
    families = {family.name: family for family in exporter.families()}
    assert {name for name in scraped(exporter) if not name.startswith(("process_", PREFIX))} == set()
    assert set(families) == {metric.full_name.removesuffix("_total") for metric in METRICS}
    for metric in METRICS:
        family = families[metric.full_name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.help)
        assert family.samples, f"{metric.name} has no sample after a run that should give one"
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), sample


def test_nothing_is_registered_at_import() -> None:
    from prometheus_client import REGISTRY

    assert not [name for name in REGISTRY._names_to_collectors if name.startswith(PREFIX)]


def test_two_exporters_do_not_know_of_each_other(exporter: Exporter, clock: Clock) -> None:
    fed(exporter)
    assert value(Exporter(MetricState(clock), "1"), "records_consumed_total", lane="0") is None


# -- flow -----------------------------------------------------------------------------------------------------


def test_every_record_is_accounted_for(exporter: Exporter) -> None:
    fed(exporter)
    counts = {
        name: value(exporter, name, lane="0")
        for name in (
            "records_consumed_total",
            "events_applied_total",
            "events_duplicate_total",
            "records_rerouted_total",
            "unaccounted_records",
        )
    }
    assert counts == {
        "records_consumed_total": 7,
        "events_applied_total": 3,
        "events_duplicate_total": 1,
        "records_rerouted_total": 1,
        "unaccounted_records": 0,
    }
    assert value(exporter, "dead_letters_total", reason="not_json", lane="0") == 1
    assert value(exporter, "dead_letters_total", reason="poison", lane="0") == 0
    assert value(exporter, "control_records_total", type="control.model", lane="0") == 1
    assert value(exporter, "events_received_total", type="order.completed") == 2
    assert value(exporter, "events_received_total", type="product.viewed") == 2


def test_what_was_left_out_of_events_is_counted_by_field(exporter: Exporter) -> None:
    body = json.loads(event(0, "c0").value or b"")
    odd = json.dumps({**body, "discount": "much", "currency": None}).encode()
    (step,) = run_lane([[Record(0, 0, NOW, b"c0", odd)]])
    exporter.state.on_step(step)
    assert value(exporter, "events_applied_total", lane="0") == 1
    for field in ("discount", "currency"):
        assert value(exporter, "fields_ignored_total", field=field, lane="0") == 1


def test_a_record_that_the_ledger_lost_shows(exporter: Exporter) -> None:
    (step,) = run_lane([records()])
    step.state.ledger.applied -= 1
    exporter.state.on_step(step)
    assert value(exporter, "unaccounted_records", lane="0") == 1


def test_counters_of_a_lane_go_on_where_another_worker_left_it(exporter: Exporter, clock: Clock) -> None:
    first, second = run_lane([records()[:3], records()[3:]])
    exporter.state.on_step(first)
    other = Exporter(MetricState(clock), "1.2.3")
    other.state.lane_restored(first.state, 0.1, 1)
    other.state.on_step(second)
    assert value(other, "records_consumed_total", lane="0") == 7
    # What the other process itself did starts with it.
    assert value(other, "transactions_total", outcome="committed") == 1


def test_how_far_a_restore_is(exporter: Exporter) -> None:
    exporter.state.lane_restoring(0, 50, 200)
    exporter.state.lane_restoring(1, 0, 0)
    assert value(exporter, "lane_restored_ratio", lane="0") == 0.25
    assert value(exporter, "lane_restored_ratio", lane="1") == 0
    step = fed(exporter)
    assert value(exporter, "lane_restored_ratio", lane=str(step.partition)) == 1
    exporter.state.on_lanes({step.partition})
    assert value(exporter, "lane_restored_ratio", lane="1") is None


def test_what_is_decided_but_not_committed_does_not_show(exporter: Exporter) -> None:
    step = fed(exporter)
    step.state.ledger.consumed += 100
    step.state.ledger.dead_letters["not_json"] = 100
    step.state.ledger.sizes["value"]["top"] = 100
    assert value(exporter, "records_consumed_total", lane="0") == 7
    assert value(exporter, "dead_letters_total", reason="not_json", lane="0") == 1
    assert value(exporter, "segment_customers", segmentation="value", segment="top", lane="0") == 0


def test_money_is_in_units_of_the_shops_currency(clock: Clock) -> None:
    (step,) = run_lane([records()])
    euros, yen = Exporter(MetricState(clock), "1"), Exporter(MetricState(clock, rates=Rates("JPY")), "1")
    for one in (euros, yen):
        one.state.on_step(step)
    assert value(euros, "net_revenue", currency="EUR", lane="0") == 60.0
    assert value(yen, "net_revenue", currency="JPY", lane="0") == 6_000.0
    assert value(euros, "orders_total", lane="0") == 1
    assert value(euros, "reversals_total", lane="0") == 0


# -- segments and models --------------------------------------------------------------------------------------


def test_segments_and_moves(exporter: Exporter) -> None:
    fed(exporter)
    sizes = {
        dict(labels)["segment"]: size
        for labels, size in scraped(exporter)[f"{PREFIX}segment_customers"].items()
        if ("segmentation", "value") in labels
    }
    assert sizes == {"low": 1, "medium": 1, "high": 0, "top": 0}
    assert value(exporter, "customers_tracked", lane="0") == 2
    assert value(exporter, "segment_changes_total", segmentation="value", cause="event", lane="0") == 2
    move = {"segmentation": "lifecycle", "from_segment": "none", "to_segment": "new"}
    assert value(exporter, "segment_moves_total", **move) == 1
    info = {"segmentation": "behaviour", "version": "7", "frame": "standard", "k": "2"}
    assert value(exporter, "model_info", **info) == 1
    empty = {"segmentation": "behaviour", "segment": "s1", "lane": "0"}
    assert value(exporter, "segment_customers", **empty) == 0


def test_label_values_are_of_closed_sets(exporter: Exporter) -> None:
    fed(exporter)
    segments = {segment for _, segment in NAMES} | {"s0", "s1", "new", "none"}
    closed = {
        "lane": {"0"},
        "partition": {"0"},
        "type": EVENT_TYPES | CONTROL_TYPES,
        "reason": REASONS,
        "cause": CAUSES,
        "stage": {"decode", "load", "decide", "commit", "view"},
        "outcome": {"committed", "unknown", "fenced"},
        "segmentation": {"value", "lifecycle", "behaviour"},
        "segment": segments,
        "name": set(NAMES.values()) | {"S0", "S1", "new", "none"},
        "from_segment": segments,
        "to_segment": segments,
        "version": {"7", "1.2.3"},
        "currency": {"EUR"},
        "frame": {"standard"},
        "k": {"2"},
        "field": {"currency", "occurred_at.zone"},
    }
    for name, samples in scraped(exporter).items():
        if name.startswith(PREFIX):
            for labels in samples:
                assert all(v in closed[k] for k, v in labels if k != "le"), (name, labels)


# -- latency --------------------------------------------------------------------------------------------------


def test_latencies_are_those_of_records_and_changes(exporter: Exporter) -> None:
    step = fed(exporter)
    found = scraped(exporter)
    assert step.committed_ms == NOW + 2_000
    assert found[f"{PREFIX}append_to_commit_seconds_count"][()] == 7
    assert found[f"{PREFIX}append_to_commit_seconds_sum"][()] == pytest.approx(7 * 2.0)
    assert found[f"{PREFIX}event_to_change_seconds_count"][()] == len(step.decision.changes)
    # They occurred a little over a second before the broker had them.
    assert found[f"{PREFIX}event_to_change_seconds_sum"][()] == pytest.approx(3.0 * len(step.decision.changes))
    assert found[f"{PREFIX}batch_records_sum"][()] == 7
    assert found[f"{PREFIX}batch_stage_seconds_count"][("stage", "decide"),] == 1
    buckets = found[f"{PREFIX}append_to_commit_seconds_bucket"]
    assert (buckets[("le", "1.0"),], buckets[("le", "2.5"),], buckets[("le", "+Inf"),]) == (0, 7, 7)


def test_one_by_one_and_at_once_count_the_same() -> None:
    import numpy as np

    values = [0.0, 0.5, 1.0, 1.0001, 2.0, 99.0]
    single, many = Histogram((1.0, 2.0)), Histogram((1.0, 2.0))
    for one in values:
        single.observe(one)
    many.observe_many(np.array(values))
    assert single.cumulative() == many.cumulative()
    assert single.cumulative()[0] == [3, 5, 6]


# -- lanes and lag --------------------------------------------------------------------------------------------


def test_a_lane_that_is_handed_over_leaves_no_series(exporter: Exporter) -> None:
    fed(exporter)
    exporter.state.release(0)
    left = [
        (name, labels)
        for name, samples in scraped(exporter).items()
        for labels in samples
        if {("lane", "0"), ("partition", "0")} & set(labels)
    ]
    assert left == []
    assert value(exporter, "transactions_total", outcome="committed") == 1


def test_a_rebalance_keeps_the_lanes_that_stay(exporter: Exporter) -> None:
    fed(exporter)
    (other,) = run_lane([[event(0, "c1", lane=1)]], lane=1)
    exporter.state.on_step(other)
    exporter.state.on_lanes({1})
    assert value(exporter, "lanes_owned") == 1
    assert value(exporter, "lanes") == 1
    assert value(exporter, "rebalances_total") == 2
    assert value(exporter, "records_consumed_total", lane="0") is None
    assert value(exporter, "records_consumed_total", lane="1") == 1


def test_lag_comes_from_end_offsets(exporter: Exporter, clock: Clock) -> None:
    fed(exporter)
    assert value(exporter, "consumer_lag_records", partition="0") == 2
    exporter.state.on_end_offsets({0: 7})
    assert value(exporter, "consumer_lag_records", partition="0") == 0
    assert value(exporter, "consumer_lag_seconds", lane="0") == 0


def test_lag_in_seconds_counts_from_when_the_lane_was_last_caught_up(exporter: Exporter, clock: Clock) -> None:
    fed(exporter)
    clock.now = NOW + 3_600_000
    exporter.state.on_end_offsets({0: 7})
    # An hour of silence, then records: they have waited at most since then, not for an hour.
    clock.now += 4_000
    exporter.state.on_end_offsets({0: 9})
    assert value(exporter, "consumer_lag_seconds", lane="0") == 4


def test_an_end_offset_of_a_lane_not_ours_says_nothing(exporter: Exporter) -> None:
    exporter.state.on_end_offsets({5: 100})
    assert value(exporter, "consumer_lag_records", partition="5") is None


def test_how_transactions_end_is_a_closed_set(exporter: Exporter) -> None:
    exporter.state.transaction_ended("fenced")
    assert value(exporter, "transactions_total", outcome="fenced") == 1
    with pytest.raises(ValueError, match="committed, unknown, fenced"):
        exporter.state.transaction_ended("lost")


# -- HTTP -----------------------------------------------------------------------------------------------------


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_are_served_on_loopback(exporter: Exporter) -> None:
    fed(exporter)
    port = exporter.start()
    status, text = get(port, "/metrics")
    assert status == 200
    assert 'streamer_records_consumed_total{lane="0"} 7.0' in text
    assert 'streamer_build_info{version="1.2.3"} 1.0' in text
    assert get(port, "/")[0] == 404
    exporter.stop()
    exporter.stop()
    with pytest.raises(urllib.error.URLError):
        get(port, "/metrics")


def test_checks_answer_with_what_is_wrong(clock: Clock) -> None:
    wrong: list[str | None] = ["lane 3 is being restored"]

    def broken() -> str | None:
        raise RuntimeError("secret")

    exporter = Exporter(MetricState(clock), "1", ready=lambda: wrong[0])
    port = exporter.start()
    try:
        assert get(port, "/healthz") == (200, "ok\n")
        assert get(port, "/readyz") == (503, "lane 3 is being restored\n")
        wrong[0] = None
        assert get(port, "/readyz") == (200, "ok\n")
    finally:
        exporter.stop()
    failing = Exporter(MetricState(clock), "1", healthy=broken)
    port = failing.start()
    try:
        assert get(port, "/healthz") == (503, "the check failed: RuntimeError\n")
    finally:
        failing.stop()


def test_a_port_in_use_is_reported_with_the_setting(exporter: Exporter, clock: Clock) -> None:
    port = exporter.start()
    with pytest.raises(UserError, match="STREAMER_METRICS_PORT"):
        Exporter(MetricState(clock), "1").start(port=port)


def test_segments_have_names_in_the_language_of_the_service(clock: Clock) -> None:
    exporter = Exporter(MetricState(clock, NAMES, named=messages("zh").named), "1")
    fed(exporter)
    info = scraped(exporter)["streamer_segment_info"]
    found = {(dict(labels)["segmentation"], dict(labels)["segment"]): dict(labels)["name"] for labels in info}
    assert found["lifecycle", "at_risk"] == messages("zh").of_id("lifecycle", "at_risk") != "At risk"
    # Every segment that another series has.
    for labels in scraped(exporter)["streamer_segment_customers"]:
        assert (dict(labels)["segmentation"], dict(labels)["segment"]) in found
