//! The engine from the outside, promise by promise: real engine, store in memory, providers that
//! follow a script, virtual time. No test sleeps for real, and each runs the same every time.

#![cfg(test)]
#![cfg(all(feature = "email", feature = "sms"))]

mod bus;
mod bus_kinds;
mod common;
mod crashes;
mod deploys;
mod health;
mod lanes;
mod limits;
mod observe_logs;
mod observe_metrics;
mod p2_cancel;
mod p2_copies;
mod p2_ends;
mod p2_expiry;
mod p2_pauses;
mod p3_duplicates;
mod p3_lookups;
mod p4_redrive;
mod p5_order;
mod p6_accounts;
mod p6_isolation;
mod p7_hostile;
mod p7_intake;
mod p8_in_part;
mod p8_polite;
mod people;
mod senders;
mod several_addresses;
mod store_errors;
mod writers;
