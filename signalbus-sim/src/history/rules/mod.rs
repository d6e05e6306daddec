//! One file for each thing that must hold.

pub(super) mod budget;
pub(super) mod counts;
pub(super) mod duplicates;
pub(super) mod ends;
pub(super) mod fair;
pub(super) mod keys;
pub(super) mod order;
pub(super) mod pace;
pub(super) mod pauses;
pub(super) mod sends;
pub(super) mod siblings;
pub(super) mod steps;
pub(super) mod tenants;
