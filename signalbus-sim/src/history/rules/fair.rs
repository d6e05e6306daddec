//! C7: no tenant slows another beyond its share.

use std::collections::BTreeMap;

use signalbus::{Class, DeliveryId, Order, TenantId, name::ChannelName};

use crate::history::{
    Invariant, Seen,
    index::{Index, Track},
    verdict::Verdict,
};

/// A first try that nothing but its turn could hold back.
struct Turn<'a> {
    delivery: DeliveryId,
    stored_at: usize,
    claimed_at: usize,
    worker: &'a str,
    tenant: &'a TenantId,
    class: Class,
    channel: &'a ChannelName,
}

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let Some(most) = index.history.rules.unfairness else {
        return;
    };
    let stored = stored(index);
    let turns: Vec<Turn<'_>> = index
        .tracks
        .iter()
        .filter_map(|(delivery, track)| turn(index, &stored, *delivery, track))
        .collect();
    for turn in &turns {
        let mut before: BTreeMap<&TenantId, u64> = BTreeMap::new();
        for other in &turns {
            if (turn.stored_at..turn.claimed_at).contains(&other.claimed_at)
                && (other.worker, other.class, other.channel)
                    == (turn.worker, turn.class, turn.channel)
            {
                *before.entry(other.tenant).or_default() += 1;
            }
        }
        let own = before.remove(turn.tenant).unwrap_or(0);
        if let Some((_, ahead)) = before.iter().find(|(_, ahead)| **ahead > own + 1 + most) {
            let what = format!(
                "waited for {ahead} messages of another tenant while {own} of its own were sent; \
                 it may wait for {most} more"
            );
            let lines = [turn.stored_at, turn.claimed_at];
            verdict.broken(Invariant::Isolated, turn.delivery, lines, what);
        }
    }
}

fn stored(index: &Index<'_>) -> BTreeMap<DeliveryId, usize> {
    let events = index.history.events.iter().enumerate();
    events
        .filter_map(|(at, event)| match &event.seen {
            Seen::Stored { deliveries, .. } => Some((at, deliveries)),
            _ => None,
        })
        .flat_map(|(at, deliveries)| deliveries.iter().map(move |delivery| (*delivery, at)))
        .collect()
}

fn turn<'a>(
    index: &Index<'a>,
    stored: &BTreeMap<DeliveryId, usize>,
    delivery: DeliveryId,
    track: &Track<'_>,
) -> Option<Turn<'a>> {
    let (publish, route) = index.wanted(track)?;
    if publish.order != Order::Unordered || publish.send_at.is_some() {
        return None;
    }
    let claimed_at =
        track.steps.iter().copied().find(
            |at| matches!(&index.event(*at).seen, Seen::Claimed(step) if step.generation == 0),
        )?;
    Some(Turn {
        delivery,
        stored_at: *stored.get(&delivery)?,
        claimed_at,
        worker: &index.event(claimed_at).actor,
        tenant: &publish.tenant,
        class: publish.class,
        channel: route.channel.as_ref()?,
    })
}
