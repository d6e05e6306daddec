use std::fmt::Write as _;

use super::{Event, History, Seen, Violation};

/// The lines of a history that a violation is about, one a line: print it below the violation.
#[must_use]
pub fn story(history: &History, violation: &Violation) -> String {
    let mut text = String::new();
    let mut last: Option<(&Event, u64)> = None;
    for (at, event) in history.events.iter().enumerate() {
        let named = violation.events.contains(&at);
        let about = violation
            .delivery
            .is_some_and(|delivery| mentions(event, delivery));
        let fault = violation.delivery.is_some() && matches!(event.seen, Seen::Fault(_));
        if !(named || about || fault) {
            continue;
        }
        if let Some((before, times)) = &mut last
            && before.actor == event.actor
            && before.seen == event.seen
        {
            *times += 1;
            continue;
        }
        tell_times(&mut text, last);
        last = Some((event, 1));
        let mark = if named { '>' } else { ' ' };
        let seconds = std::time::Duration::from_micros(event.at).as_secs_f64();
        let (actor, line) = (&event.actor, line(&event.seen));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{mark} {seconds:>10.3} s  {actor:<12} {line}");
    }
    tell_times(&mut text, last);
    text
}

fn tell_times(text: &mut String, last: Option<(&Event, u64)>) {
    if let Some((_, times)) = last.filter(|(_, times)| *times > 1) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "              … {times} times");
    }
}

fn line(seen: &Seen) -> String {
    serde_json::to_string(seen).unwrap_or_else(|_| format!("{seen:?}"))
}

fn mentions(event: &Event, delivery: signalbus::DeliveryId) -> bool {
    match &event.seen {
        Seen::Published { deliveries, .. } | Seen::Stored { deliveries, .. } => {
            deliveries.contains(&delivery)
        }
        Seen::Request(request) => request.delivery == delivery,
        Seen::Claimed(step) | Seen::Refused { step, .. } | Seen::Settled { step, .. } => {
            step.delivery == delivery
        }
        Seen::Cancelled { delivery: of }
        | Seen::NotNeeded { delivery: of }
        | Seen::Redriven { delivery: of, .. }
        | Seen::LookedUp { delivery: of, .. } => *of == delivery,
        Seen::Waits {
            delivery: of,
            after,
        } => *of == delivery || after.sibling == delivery,
        Seen::Purged { deliveries, .. } => deliveries.contains(&delivery),
        _ => false,
    }
}
