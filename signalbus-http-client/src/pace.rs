use std::time::Duration;

use signalbus_core::Clock;

use crate::body::Progress;

/// Returns when fewer bytes moved in a window than must, as long as `moving` says that bytes should
/// be moving at all. Cancel safe.
pub(crate) async fn too_slow(
    clock: &dyn Clock,
    window: Duration,
    slowest: u64,
    progress: &Progress,
    mut moving: impl FnMut() -> bool,
) {
    let needed =
        slowest.saturating_mul(u64::try_from(window.as_millis()).unwrap_or(u64::MAX)) / 1000;
    let mut before = progress.bytes();
    loop {
        // A window of nothing would never let time pass.
        clock.sleep(window.max(Duration::from_millis(1))).await;
        let now = progress.bytes();
        if moving() && now.saturating_sub(before) < needed {
            return;
        }
        before = now;
    }
}
