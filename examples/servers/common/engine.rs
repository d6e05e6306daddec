//! What the engines of the programs have in common.

use signalbus::{
    Policy,
    channel::{Email, Sms},
};

/// Which topics go out on which channels; the same in every program, since any of the workers may
/// be the one that stores an event.
pub(super) fn policy() -> Policy {
    Policy::new()
        .on::<Email>("user.*")
        .on::<Sms>("auth.code")
        .on::<Email>("invoice.paid")
        .on::<Email>("order.shipped")
        .on::<Sms>("order.shipped")
        .on::<Email>("newsletter.*")
        .on::<Email>("ops.alert")
}
