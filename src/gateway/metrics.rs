//! The page for Prometheus. Labels are names from the configuration and words from closed lists only.
//!
//! Nothing is counted here: the page adds up what the workers have counted.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};

use super::{
    callers::Denied,
    histogram::Histogram,
    room::Full,
    route_traffic::RouteTotals,
    snapshot::{ReadyWorkload, Snapshot},
    traffic::{Ending, SIDES, Totals, classes},
    worker::Shared,
};
use crate::{
    clock::Clock,
    model::{CircuitState, EventDecision, Readiness},
    store::Health,
};

/// What the page is.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<'a> = &'a [(&'static str, &'a str)];

/// The page, as it is now.
pub(super) fn page(shared: &Arc<Shared>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("backstop");
    registry.register_collector(Box::new(Page {
        snapshot: Arc::clone(&shared.snapshot.borrow()),
        shared: Arc::clone(shared),
    }));
    let mut text = String::with_capacity(16 * 1024);
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Page {
    shared: Arc<Shared>,
    snapshot: Arc<Snapshot>,
}

/// Picks one histogram.
type Part = fn(&Totals) -> &Histogram;

/// One metric with its rows.
struct Rows<'a>(MetricEncoder<'a>);

impl Rows<'_> {
    fn counter(&mut self, labels: Labels<'_>, value: u64) -> fmt::Result {
        ConstCounter::new(value).encode(self.0.encode_family(&labels)?)
    }

    fn gauge(&mut self, labels: Labels<'_>, value: u64) -> fmt::Result {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        ConstGauge::new(value).encode(self.0.encode_family(&labels)?)
    }

    /// The one row of a metric without labels.
    fn only(self, value: u64) -> fmt::Result {
        ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(self.0)
    }

    fn histogram(&mut self, labels: Labels<'_>, histogram: &Histogram) -> fmt::Result {
        let (sum, count, buckets) = histogram.parts();
        self.0
            .encode_family(&labels)?
            .encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)
    }
}

fn rows<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &str,
    kind: MetricType,
) -> Result<Rows<'a>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, kind).map(Rows)
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals: Vec<(&ReadyWorkload, Totals)> = self
            .snapshot
            .prepared
            .workloads
            .iter()
            .filter_map(|ready| Some((&**ready, ready.stats.totals()?)))
            .collect();
        Self::requests(&mut encoder, &totals)?;
        Self::events(&mut encoder, &totals)?;
        Self::times(&mut encoder, &totals)?;
        self.readiness(&mut encoder)?;
        self.routes(&mut encoder)?;
        self.callers(&mut encoder)?;
        self.gateway(&mut encoder)
    }
}

impl Page {
    fn requests(
        encoder: &mut DescriptorEncoder<'_>,
        totals: &[(&ReadyWorkload, Totals)],
    ) -> fmt::Result {
        let help = "Requests by the route that answered and how they ended";
        let mut all = rows(encoder, "requests", help, MetricType::Counter)?;
        for (ready, totals) in totals {
            let workload = ready.workload.name.as_str();
            for (side, by_ending) in SIDES.into_iter().zip(totals.requests) {
                let route = side.and_then(|side| ready.route_name(side));
                let route = route.as_ref().map_or("none", |name| name.as_str());
                for (ending, count) in Ending::ALL.into_iter().zip(by_ending) {
                    if count > 0 {
                        let outcome = ending.as_str();
                        all.counter(
                            &[
                                ("workload", workload),
                                ("route", route),
                                ("outcome", outcome),
                            ],
                            count,
                        )?;
                    }
                }
            }
        }
        let help = "Answers served by the fallback";
        let mut served = rows(encoder, "fallback_served", help, MetricType::Counter)?;
        for (ready, totals) in totals {
            let labels = [("workload", ready.workload.name.as_str())];
            served.counter(&labels, totals.requests[1][Ending::Served as usize])?;
        }
        Ok(())
    }

    fn events(
        encoder: &mut DescriptorEncoder<'_>,
        totals: &[(&ReadyWorkload, Totals)],
    ) -> fmt::Result {
        let help = "Events by decision and error class";
        let mut events = rows(encoder, "events", help, MetricType::Counter)?;
        for (ready, totals) in totals {
            let workload = ready.workload.name.as_str();
            for (decision, by_class) in EventDecision::ALL.into_iter().zip(totals.events) {
                for (class, count) in classes().zip(by_class) {
                    if count > 0 {
                        let class = class.map_or("none", crate::model::ErrorClass::as_str);
                        let decision = decision.as_str();
                        events.counter(
                            &[
                                ("workload", workload),
                                ("decision", decision),
                                ("class", class),
                            ],
                            count,
                        )?;
                    }
                }
            }
        }
        let help = "Events that could not be made durable: of fallbacks that were served without one, or withheld";
        let mut unlogged = rows(encoder, "unlogged_events", help, MetricType::Counter)?;
        for (ready, totals) in totals {
            unlogged.counter(
                &[("workload", ready.workload.name.as_str())],
                totals.unlogged,
            )?;
        }
        Ok(())
    }

    fn times(
        encoder: &mut DescriptorEncoder<'_>,
        totals: &[(&ReadyWorkload, Totals)],
    ) -> fmt::Result {
        let metrics: [(&str, &str, Part); 3] = [
            (
                "first_output_seconds",
                "From the request to the first output",
                |totals| &totals.first_output,
            ),
            (
                "request_seconds",
                "From the request to the end of the answer",
                |totals| &totals.total,
            ),
            (
                "gateway_overhead_seconds",
                "What the gateway added to an answer that was not a stream",
                |totals| &totals.overhead,
            ),
        ];
        for (name, help, of) in metrics {
            let mut times = rows(encoder, name, help, MetricType::Histogram)?;
            for (ready, totals) in totals {
                times.histogram(&[("workload", ready.workload.name.as_str())], of(totals))?;
            }
        }
        let help = "Requests running now";
        let mut running = rows(encoder, "requests_in_flight", help, MetricType::Gauge)?;
        for (ready, _) in totals {
            let labels = [("workload", ready.workload.name.as_str())];
            running.gauge(&labels, ready.stats.in_flight())?;
        }
        Ok(())
    }

    fn readiness(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Whether the fallback of a workload would work now: 1 for the word that holds";
        let mut words = rows(encoder, "workload_readiness", help, MetricType::Gauge)?;
        for known in &*self.shared.readiness.borrow() {
            // What is not configured any more stays in the store until the prober looks again.
            let catalog = &self.snapshot.prepared.catalog;
            if !catalog.workloads.contains_key(&known.workload) {
                continue;
            }
            for word in Readiness::ALL {
                let labels = [
                    ("workload", known.workload.as_str()),
                    ("word", word.as_str()),
                ];
                words.gauge(&labels, u64::from(known.word == word))?;
            }
        }
        Ok(())
    }

    fn routes(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let totals: Vec<(&str, RouteTotals)> = self
            .snapshot
            .prepared
            .routes
            .iter()
            .filter_map(|ready| Some((ready.route.name.as_str(), ready.stats.totals()?)))
            .collect();
        let help = "Attempts by route and error class";
        let mut attempts = rows(encoder, "attempts", help, MetricType::Counter)?;
        for (route, totals) in &totals {
            for (class, count) in classes().zip(totals.attempts) {
                if count > 0 {
                    let class = class.map_or("none", crate::model::ErrorClass::as_str);
                    attempts.counter(&[("route", route), ("class", class)], count)?;
                }
            }
        }
        let help = "From an attempt's start to its response head";
        let mut headers = rows(
            encoder,
            "response_head_seconds",
            help,
            MetricType::Histogram,
        )?;
        for (route, totals) in &totals {
            headers.histogram(&[("route", route)], &totals.headers)?;
        }
        let help = "The circuit of a route: 0 closed, 1 half-open, 2 open";
        let mut circuits = rows(encoder, "circuit_state", help, MetricType::Gauge)?;
        let now = Clock::instant();
        for ready in &self.snapshot.prepared.routes {
            let state = match ready.breaker.view(now).state {
                CircuitState::Closed => 0,
                CircuitState::HalfOpen => 1,
                CircuitState::Open => 2,
            };
            circuits.gauge(&[("route", ready.route.name.as_str())], state)?;
        }
        let help = "How often the circuit of a route has opened, failed trials not counted";
        let mut opened = rows(encoder, "circuit_opened", help, MetricType::Counter)?;
        for ready in &self.snapshot.prepared.routes {
            let labels = [("route", ready.route.name.as_str())];
            opened.counter(&labels, ready.breaker.view(now).opened)?;
        }
        let help = "Why the circuit of a route is not closed: the class, and what was counted";
        let mut tripped = rows(encoder, "circuit_tripped", help, MetricType::Gauge)?;
        for ready in &self.snapshot.prepared.routes {
            if let Some(trip) = ready.breaker.view(now).trip {
                let (route, class) = (ready.route.name.as_str(), trip.class.as_str());
                let labels = [
                    ("route", route),
                    ("class", class),
                    ("count", trip.count.as_str()),
                ];
                tripped.gauge(&labels, 1)?;
            }
        }
        Ok(())
    }

    fn callers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests by client and by the first digits of the hash of its key";
        let mut accepted = rows(encoder, "client_requests", help, MetricType::Counter)?;
        for key in &self.snapshot.prepared.callers.keys {
            let (client, label) = (key.client.name.as_str(), key.label());
            let count = key.stats.accepted.load(Ordering::Relaxed);
            accepted.counter(&[("client", client), ("key", &label)], count)?;
        }
        let help = "Requests that were refused for want of an accepted key";
        let mut denied = rows(encoder, "denied_requests", help, MetricType::Counter)?;
        for (reason, count) in Denied::ALL.into_iter().zip(&self.shared.denied) {
            denied.counter(
                &[("reason", reason.as_str())],
                count.load(Ordering::Relaxed),
            )?;
        }
        Ok(())
    }

    fn gateway(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let shared = &self.shared;
        rows(
            encoder,
            "applied_revision",
            "The override revision that is applied",
            MetricType::Gauge,
        )?
        .only(self.snapshot.revision.0)?;
        rows(
            encoder,
            "draining",
            "1 while the gateway finishes its last requests",
            MetricType::Gauge,
        )?
        .only(u64::from(shared.draining.is_cancelled()))?;
        rows(
            encoder,
            "event_queue",
            "Events that are not yet durable, and places taken for them",
            MetricType::Gauge,
        )?
        .only(u64::try_from(shared.store.waiting()).unwrap_or(u64::MAX))?;
        let works = *shared.store.health().borrow() == Health::Good;
        let help = "1 while the store works; 0: see the log, /readyz or `backstop doctor`";
        rows(encoder, "store", help, MetricType::Gauge)?.only(u64::from(works))?;
        let apart = shared.contact.apart_for(shared.clock.now());
        let help = "For how long the store's cluster cannot be asked; 0: it can";
        rows(encoder, "store_apart_seconds", help, MetricType::Gauge)?.only(apart.as_secs())?;
        let spooled = shared.store.spooled().map(|spooled| *spooled.borrow());
        let entries = spooled.map_or(0, |spooled| spooled.entries);
        let help =
            "Events that are safe on this host and wait until the store's cluster takes them";
        rows(encoder, "spooled_events", help, MetricType::Gauge)?.only(entries)?;
        let help = "How often the store's cluster went away";
        let partings = ConstCounter::new(shared.contact.partings());
        partings.encode(rows(encoder, "store_partings", help, MetricType::Counter)?.0)?;
        rows(
            encoder,
            "connections",
            "Connections of clients that are open",
            MetricType::Gauge,
        )?
        .only(u64::try_from(shared.connections.load(Ordering::Relaxed)).unwrap_or(u64::MAX))?;
        let help = "Connections that were refused because there were too many";
        let crowded = ConstCounter::new(shared.crowded.load(Ordering::Relaxed));
        let refused = rows(encoder, "refused_connections", help, MetricType::Counter)?;
        crowded.encode(refused.0)?;
        let help = "Requests that run now, of all workloads";
        let running = u64::try_from(shared.room.requests()).unwrap_or(u64::MAX);
        rows(encoder, "requests_running", help, MetricType::Gauge)?.only(running)?;
        let help = "Bytes of request bodies that are held now";
        let bytes = u64::try_from(shared.room.bytes()).unwrap_or(u64::MAX);
        rows(encoder, "body_bytes", help, MetricType::Gauge)?.only(bytes)?;
        let help = "Requests that were refused because the gateway had no room for them";
        let mut full = rows(encoder, "refused_requests", help, MetricType::Counter)?;
        for (reason, count) in Full::ALL.into_iter().zip(shared.room.refused()) {
            full.counter(&[("reason", reason.as_str())], count)?;
        }
        let info = [
            ("gateway", shared.name.as_str()),
            ("version", env!("CARGO_PKG_VERSION")),
            ("fingerprint", &self.snapshot.prepared.catalog.fingerprint),
        ];
        rows(
            encoder,
            "gateway",
            "The gateway and the configuration that it has applied",
            MetricType::Info,
        )?
        .0
        .encode_info(&&info[..])
    }
}
