//! When the start of a request is reported.

use signalbus_core::Channel;

use super::Subject;

/// A message that was taken must have been started first.
pub async fn the_start_is_reported<C: Channel>(s: Subject<C>) {
    let parcel = s.parcel();
    s.send(&parcel).await.unwrap();
    assert!(parcel.latch.is_set(), "taken, but never started");
}
