//! What a provider says of itself.

use std::time::Duration;

use signalbus_core::{Channel, ProviderName};

use super::Subject;

/// The name can be stored, and is the same whenever it is asked for: history goes by it.
pub async fn its_name_is_valid_and_stable<C: Channel>(s: Subject<C>) {
    let name = s.provider.name().to_owned();
    ProviderName::new(&name).expect("a name that can be stored");
    s.send_sample().await;
    assert_eq!(s.provider.name(), name);
}

/// The capabilities leave the engine something to do, and are the same whenever they are asked
/// for: the engine asks once.
pub async fn its_capabilities_make_sense<C: Channel>(s: Subject<C>) {
    let said = s.provider.capabilities();
    assert!(said.timeout > Duration::ZERO, "no time to send in");
    assert!(said.concurrency >= 1, "nothing may be in flight");
    if let Some(rate) = said.rate {
        assert!(rate.interval > Duration::ZERO, "a rate without interval");
        assert!(rate.burst >= 1, "a rate without burst");
    }
    let window = said.dedup_window;
    assert_ne!(window, Some(Duration::ZERO), "a window that is never open");
    s.send_sample().await;
    assert_eq!(s.provider.capabilities(), said);
}

/// `Debug` goes to logs.
pub async fn debug_shows_nothing_confidential<C: Channel>(s: Subject<C>) {
    s.send_sample().await;
    let shown = format!("{:?} {:#?}", s.provider, s.provider);
    for (what, text) in s.confidential() {
        assert!(!shown.contains(&text), "Debug shows {what}");
    }
}
