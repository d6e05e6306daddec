//! The metrics of the engine, through the `metrics` facade. No exporter: the host installs one
//! before it builds the engine.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::{
    id::WorkerId,
    mutant::Mutant,
    name::{ChannelName, ProviderName},
    provider::Outcome,
    route::{Tried, Unsendable},
    store::{EndState, Pressure, Reason},
};

/// Names, so that dashboards and tests can refer to them.
pub mod names {
    /// Counter: tries, by channel, provider and status (accepted, retryable, permanent, unknown).
    pub const ATTEMPTED: &str = "notifications_attempted_total";
    /// Histogram: seconds the provider took for one send, by channel and provider.
    pub const SEND_DURATION: &str = "notification_send_duration_seconds";
    /// Counter: retries planned, by channel, provider and reason (the fault).
    pub const RETRIES: &str = "notification_retries_total";
    /// Counter: deliveries that died, by channel, provider and reason.
    pub const DLQ: &str = "notification_dlq_total";
    /// Counter: deliveries that an engine ended, by channel and state; not those rejected at publish
    /// or called off.
    pub const ENDED: &str = "notifications_ended_total";
    /// Counter: deliveries accepted at publish, by channel.
    pub const PUBLISHED: &str = "notifications_published_total";
    /// Histogram: seconds from accepted to taken by a provider, by channel.
    pub const END_TO_END: &str = "notification_end_to_end_seconds";
    /// Counter: sends that may be duplicates, by cause (lost_record, no_answer).
    pub const DUPLICATES: &str = "notification_duplicates_total";
    /// Gauge: when the oldest delivery that could be sent became sendable, as a Unix time, by
    /// channel and state (ready, inflight); the present time when there is none. Throttled and
    /// overdue ones count as ready.
    pub const OLDEST: &str = "notification_oldest_timestamp_seconds";
    /// Gauge: 0 closed, 1 half open, 2 open, by channel and provider.
    pub const CIRCUIT: &str = "provider_circuit_state";
    /// Gauge: retries a channel may still make at once, by channel.
    pub const RETRY_BUDGET: &str = "provider_retry_budget_remaining";
    /// Gauge: deliveries of a channel that no worker serves, by channel.
    pub const UNSERVED: &str = "notifications_unserved";
    /// Gauge: envelopes that wait to be read, by bus, group, topic and partition.
    pub const BUS_LAG: &str = "bus_lag";
    /// Gauge: partitions that this worker does not read on, by bus, group and topic.
    pub const BUS_HELD: &str = "bus_held_partitions";
    /// Counter: times the partitions changed that this worker reads, by bus, group and topic.
    pub const BUS_REBALANCES: &str = "bus_rebalances_total";
    /// Counter: times what should have been read next was gone, by bus, group and topic.
    pub const BUS_GONE: &str = "bus_offsets_gone_total";
    /// Counter: envelopes that were recorded as rejected, by bus, group and topic.
    pub const BUS_REJECTED: &str = "bus_rejected_total";
    /// Counter: rejected envelopes that went to the topic of dead letters, by bus, group, topic and
    /// result (published, refused).
    pub const BUS_DEAD_LETTERS: &str = "bus_dead_letters_total";
    /// Gauge: when this worker last went round, as a Unix time, by worker.
    pub const HEARTBEAT: &str = "worker_heartbeat_timestamp_seconds";
    /// Histogram: seconds of one call of the store, by operation.
    pub const STORE_DURATION: &str = "store_operation_duration_seconds";
    /// Counter: calls of the store that failed, by operation and kind.
    pub const STORE_ERRORS: &str = "store_errors_total";
    /// Gauge: connections of the store, by pool and state (in_use, idle).
    pub const STORE_CONNECTIONS: &str = "store_connections";
    /// Gauge: calls that wait for a connection of the store, by pool.
    pub const STORE_WAITERS: &str = "store_connection_waiters";
    /// Counter: calls of the store that waited for another one that writes, or were tried again because they met one.
    pub const STORE_LOCK_WAITS: &str = "store_lock_waits_total";
    /// Gauge: lanes that a worker owns, by worker.
    pub const LANES: &str = "worker_lanes";
    /// Counter: claims and results that came too late: another worker owned the lane.
    pub const LANE_LOST: &str = "worker_lane_lost_total";
    /// Histogram: seconds to make one message from its templates, by channel.
    pub const RENDER_DURATION: &str = "notification_render_duration_seconds";
    /// Counter: messages that could not be made, by channel and reason (address, render, compose,
    /// unreadable).
    pub const UNSENDABLE: &str = "notification_unsendable_total";
    /// Counter: receipts recorded through the engine, by provider, kind and effect (advanced,
    /// recorded, duplicate, parked).
    pub const RECEIPTS: &str = "notification_receipts_total";
    /// Counter: addresses put on the suppression list through the engine, by channel and cause.
    pub const SUPPRESSED: &str = "notification_suppressions_total";
    /// Counter: deliveries accepted, by tenant; only with
    /// [`EngineOptions::with_tenant_metrics`](crate::EngineOptions::with_tenant_metrics).
    pub const TENANT_PUBLISHED: &str = "notification_tenant_published_total";
    /// Counter: deliveries that an engine ended, by tenant and state; only with the same option.
    pub const TENANT_ENDED: &str = "notification_tenant_ended_total";
    /// Gauge: 1 while this process holds its own share of limits, as the shared limiter is away.
    pub const LIMITER_LOCAL: &str = "limiter_local_share";
    /// Counter: calls of the shared limiter that failed, by kind (error, late).
    pub const LIMITER_ERRORS: &str = "limiter_errors_total";
    /// Counter: slots that were reserved and given up, by kind of limit (tenant, provider).
    pub const LIMITER_UNUSED: &str = "limiter_slots_unused_total";
    /// Gauge: always 1, by version.
    pub const BUILD: &str = "signalbus_build_info";
}

pub(crate) fn describe() {
    describe_counter!(names::ATTEMPTED, "Tries of deliveries at providers");
    describe_histogram!(
        names::SEND_DURATION,
        Unit::Seconds,
        "Time a provider took for one send"
    );
    describe_counter!(names::RETRIES, "Retries that were planned");
    describe_counter!(names::DLQ, "Deliveries that died");
    describe_counter!(names::ENDED, "Deliveries that ended");
    describe_counter!(names::PUBLISHED, "Deliveries accepted at publish");
    describe_histogram!(
        names::END_TO_END,
        Unit::Seconds,
        "Time from accepted to taken by a provider"
    );
    describe_counter!(names::DUPLICATES, "Sends that may repeat an earlier one");
    describe_gauge!(
        names::OLDEST,
        Unit::Seconds,
        "When the oldest delivery became sendable"
    );
    describe_gauge!(names::CIRCUIT, "0 closed, 1 half open, 2 open");
    describe_gauge!(
        names::RETRY_BUDGET,
        "Retries that may still be made at once"
    );
    describe_gauge!(
        names::UNSERVED,
        "Deliveries waiting for a channel this worker does not know"
    );
    describe_gauge!(
        names::HEARTBEAT,
        Unit::Seconds,
        "When this worker last went round"
    );
    describe_histogram!(
        names::STORE_DURATION,
        Unit::Seconds,
        "Time of one call of the store"
    );
    describe_counter!(names::STORE_ERRORS, "Calls of the store that failed");
    describe_gauge!(names::LANES, "Lanes that a worker owns");
    describe_counter!(
        names::LANE_LOST,
        "Claims and results that came after another worker had taken the lane"
    );
    describe_histogram!(
        names::RENDER_DURATION,
        Unit::Seconds,
        "Time to make one message from its templates"
    );
    describe_counter!(names::UNSENDABLE, "Messages that could not be made");
    describe_counter!(names::RECEIPTS, "Receipts recorded through the engine");
    describe_counter!(
        names::SUPPRESSED,
        "Addresses put on the suppression list through the engine"
    );
    describe_counter!(
        names::TENANT_PUBLISHED,
        "Deliveries accepted, by tenant; small ones are other"
    );
    describe_counter!(
        names::TENANT_ENDED,
        "Deliveries that ended, by tenant; small ones are other"
    );
    describe_gauge!(names::BUILD, "Always 1, with the version as a label");
    gauge!(names::BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// Those that only who shares limits has.
pub(crate) fn describe_limits() {
    describe_gauge!(
        names::LIMITER_LOCAL,
        "1 while this process holds its own share of limits"
    );
    describe_counter!(
        names::LIMITER_ERRORS,
        "Calls of the shared limiter that failed"
    );
    describe_counter!(
        names::LIMITER_UNUSED,
        "Slots that were reserved and given up"
    );
}

/// What is counted for one provider of a channel. Handles are made once: making one allocates.
pub(crate) struct ProviderMetrics {
    channel: ChannelName,
    provider: ProviderName,
    accepted: Counter,
    retryable: Counter,
    permanent: Counter,
    unknown: Counter,
    duration: Histogram,
    circuit: Gauge,
}

impl ProviderMetrics {
    pub(crate) fn new(channel: &ChannelName, provider: &ProviderName) -> Self {
        let attempted = |status: &'static str| counter!(names::ATTEMPTED, "channel" => channel.to_string(), "provider" => provider.to_string(), "status" => status);
        let circuit = gauge!(names::CIRCUIT, "channel" => channel.to_string(), "provider" => provider.to_string());
        circuit.set(0.0);
        Self {
            accepted: attempted("accepted"),
            retryable: attempted("retryable"),
            permanent: attempted("permanent"),
            unknown: attempted("unknown"),
            duration: histogram!(names::SEND_DURATION, "channel" => channel.to_string(), "provider" => provider.to_string()),
            circuit,
            channel: channel.clone(),
            provider: provider.clone(),
        }
    }

    /// A provider was asked.
    pub(crate) fn attempted(&self, tried: Tried, took: Duration) {
        self.duration.record(took.as_secs_f64());
        match tried {
            Tried::Accepted if Mutant::CountedTwice.is_active() => self.accepted.increment(2),
            Tried::Accepted => self.accepted.increment(1),
            Tried::Failed {
                outcome: Outcome::Permanent,
                ..
            } => self.permanent.increment(1),
            Tried::Failed {
                outcome: Outcome::Unknown,
                ..
            }
            | Tried::Unclear { .. }
            | Tried::Panicked { started: true } => {
                self.unknown.increment(1);
            }
            Tried::Failed {
                outcome: Outcome::Retryable,
                ..
            }
            | Tried::Panicked { .. } => {
                self.retryable.increment(1);
            }
            Tried::Unsendable(_) | Tried::Interrupted { .. } | Tried::Returned { .. } => {}
        }
    }

    pub(crate) fn retries(&self, reason: &'static str) {
        counter!(names::RETRIES, "channel" => self.channel.to_string(), "provider" => self.provider.to_string(), "reason" => reason)
            .increment(1);
    }

    pub(crate) fn circuit(&self, level: u8) {
        self.circuit.set(f64::from(level));
    }

    pub(crate) fn provider(&self) -> &ProviderName {
        &self.provider
    }
}

/// What is counted for one channel.
pub(crate) struct ChannelMetrics {
    channel: ChannelName,
    accepted: Counter,
    end_to_end: Histogram,
    making: Histogram,
    retry_budget: Gauge,
}

impl ChannelMetrics {
    pub(crate) fn new(channel: &ChannelName) -> Self {
        Self {
            accepted: counter!(names::ENDED, "channel" => channel.to_string(), "state" => EndState::Accepted.as_str()),
            end_to_end: histogram!(names::END_TO_END, "channel" => channel.to_string()),
            making: histogram!(names::RENDER_DURATION, "channel" => channel.to_string()),
            retry_budget: gauge!(names::RETRY_BUDGET, "channel" => channel.to_string()),
            channel: channel.clone(),
        }
    }

    /// A provider took it.
    pub(crate) fn accepted(&self, since_accepted: Duration) {
        self.accepted.increment(1);
        self.end_to_end.record(since_accepted.as_secs_f64());
    }

    /// A message was made, or could not be.
    pub(crate) fn made(&self, tried: Tried, took: Option<Duration>) {
        if let Some(took) = took {
            self.making.record(took.as_secs_f64());
        }
        if let Tried::Unsendable(why) = tried {
            let reason = match why {
                Unsendable::Render => "render",
                Unsendable::Compose => "compose",
                Unsendable::Address => "address",
                Unsendable::Unreadable => "unreadable",
                Unsendable::Erased => "erased",
                Unsendable::SecretGone => "secret_gone",
            };
            counter!(names::UNSENDABLE, "channel" => self.channel.to_string(), "reason" => reason)
                .increment(1);
        }
    }

    pub(crate) fn ended(&self, state: EndState, reason: &Reason, provider: Option<&ProviderName>) {
        counter!(names::ENDED, "channel" => self.channel.to_string(), "state" => state.as_str())
            .increment(1);
        if state == EndState::Dead {
            let provider = provider.map_or_else(|| "none".to_owned(), ToString::to_string);
            counter!(names::DLQ, "channel" => self.channel.to_string(), "provider" => provider, "reason" => reason.to_string())
                .increment(1);
        }
    }

    pub(crate) fn retry_budget(&self, remaining: f64) {
        self.retry_budget.set(remaining);
    }
}

pub(crate) fn published(channel: &ChannelName, count: u64) {
    counter!(names::PUBLISHED, "channel" => channel.to_string()).increment(count);
}

/// Describes how busy a store with connections is.
pub(crate) fn describe_pressure() {
    describe_gauge!(names::STORE_CONNECTIONS, "Connections of the store");
    describe_gauge!(
        names::STORE_WAITERS,
        "Calls that wait for a connection of the store"
    );
    describe_counter!(
        names::STORE_LOCK_WAITS,
        "Calls of the store that waited for another one that writes, or met one and were tried again"
    );
}

/// Tells how busy a store with connections is.
pub(crate) fn pressure(pressure: &Pressure) {
    for pool in &pressure.pools {
        for (state, count) in [("in_use", pool.in_use), ("idle", pool.idle)] {
            gauge!(names::STORE_CONNECTIONS, "pool" => pool.name, "state" => state)
                .set(count_of(count));
        }
        gauge!(names::STORE_WAITERS, "pool" => pool.name).set(count_of(pool.waiting));
    }
    if !pressure.pools.is_empty() {
        counter!(names::STORE_LOCK_WAITS).absolute(pressure.lock_waits);
    }
}

pub(crate) fn duplicate(cause: &'static str) {
    counter!(names::DUPLICATES, "cause" => cause).increment(1);
}

pub(crate) fn heartbeat(worker: WorkerId, now: jiff::Timestamp) {
    gauge!(names::HEARTBEAT, "worker" => worker.to_string()).set(seconds(now));
}

pub(crate) fn unserved(channel: &ChannelName, count: u64) {
    gauge!(names::UNSERVED, "channel" => channel.to_string()).set(count_of(count));
}

/// Sets when the oldest delivery of a channel became sendable; `now` when none waits, so that an
/// age computed from it is zero.
pub(crate) fn oldest(channel: &ChannelName, state: &'static str, since: jiff::Timestamp) {
    gauge!(names::OLDEST, "channel" => channel.to_string(), "state" => state).set(seconds(since));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; exact up to 2^53"
)]
fn count_of(count: u64) -> f64 {
    count as f64
}

fn seconds(at: jiff::Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
