"""What Prometheus reads from /metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from zkllm.serve.database import StorageError
from zkllm.timings import resident_memory
from zkllm.units import ETHER

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640)


Counts = Callable[[], Mapping[str, int]]


class _Now(Collector):
    """What is read when it is asked for: jobs by state, proving processes by what they do, memory."""

    def __init__(self, counts: Counts, provers: Counts):
        self._counts, self._provers = counts, provers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("zkllm_jobs", "Jobs by state", labels=["state"])
        try:
            for state, count in self._counts().items():
                jobs.add_metric([str(state)], count)
        except StorageError:
            pass  # the rest can be told
        yield jobs
        provers = GaugeMetricFamily("zkllm_provers", "Proving processes by what they do", labels=["state"])
        for state, count in self._provers().items():
            provers.add_metric([state], count)
        yield provers
        memory = resident_memory().get("rss", 0)
        yield GaugeMetricFamily("zkllm_resident_bytes", "Memory of the node's own process", value=memory)


class Metrics:
    """One set for one node. `counts`: jobs by state; `provers`: proving processes by what they do."""

    def __init__(self, counts: Counts, provers: Counts = dict):
        self._registry = CollectorRegistry()
        self._registry.register(_Now(counts, provers))
        self._requests = self._counter("http_requests", "Answered HTTP requests", "route", "status")
        self._tokens = self._counter("tokens", "Answered tokens", "model")
        self._failures = self._counter("failures", "What went wrong, by where it did", "where")
        self._stages = Histogram(
            "zkllm_proof_stage_seconds",
            "Proving by stage",
            ["stage"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._proofs = Histogram("zkllm_proof_seconds", "Proving", buckets=_SECONDS, registry=self._registry)
        self._gas = self._counter("gas", "Gas paid for", "what")
        self._fees = self._counter("fees_ether", "Ether paid for gas", "what")
        self._rewards = self._counter("rewards_ether", "Ether credited by requests")
        self._decisions = self._counter(
            "requests_decided", "Requests of the chain that were taken or not", "taken"
        )
        self.block = Gauge("zkllm_block", "Newest block that was looked at", registry=self._registry)
        self.waiting_answers = Gauge(
            "zkllm_waiting_answers", "Answers that are waited for", registry=self._registry
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"zkllm_{name}", text, labels, registry=self._registry)

    def answered(self, route: str, status: int) -> None:
        self._requests.labels(route, str(status)).inc()

    def tokens(self, model: str, count: int) -> None:
        self._tokens.labels(model).inc(count)

    def failed(self, where: str) -> None:
        self._failures.labels(where).inc()

    def proved(self, seconds: Mapping[str, float]) -> None:
        for stage, taken in seconds.items():
            self._stages.labels(stage).observe(taken)
        self._proofs.observe(sum(seconds.values()))

    def paid(self, what: str, gas: int, price: int) -> None:
        """`price` in wei a gas."""
        self._gas.labels(what).inc(gas)
        self._fees.labels(what).inc(gas * price / ETHER)

    def rewarded(self, wei: int) -> None:
        self._rewards.inc(wei / ETHER)

    def decided(self, taken: bool) -> None:
        self._decisions.labels("yes" if taken else "no").inc()

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
