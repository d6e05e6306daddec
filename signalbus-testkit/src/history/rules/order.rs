//! C5: messages to one recipient start in the order that was asked for, as promise P5 words it.

use std::collections::BTreeMap;

use signalbus::{Class, DeliveryId, Order, TenantId, name::ChannelName, store::EndState};

use crate::history::{
    Invariant, Publish, Seen,
    index::{Call, Index, Told, Track},
    verdict::Verdict,
};

/// Messages that are ordered among themselves.
type Key<'a> = (&'a TenantId, &'a str, &'a ChannelName, Class);

/// One message of a key.
struct Message<'a> {
    delivery: DeliveryId,
    call: &'a Call<'a>,
    publish: &'a Publish,
    track: &'a Track<'a>,
}

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut keys: BTreeMap<Key<'_>, Vec<Message<'_>>> = BTreeMap::new();
    for (delivery, track) in &index.tracks {
        let Some((call, _)) = track.origin else {
            continue;
        };
        if let Some((publish, route)) = index.wanted(track)
            && let Some(channel) = &route.channel
            && publish.order != Order::Unordered
            && !publish.bus
        {
            let message = Message {
                delivery: *delivery,
                call: &index.calls[&call],
                publish,
                track,
            };
            keys.entry((&publish.tenant, &route.person, channel, publish.class))
                .or_default()
                .push(message);
        }
    }
    for messages in keys.values() {
        for later in messages {
            let earlier = messages
                .iter()
                .filter(|earlier| matches!(earlier.call.told, Told::Ok(..)))
                .filter(|earlier| earlier.call.answered_at < later.call.at);
            for earlier in earlier {
                check_pair(index, verdict, earlier, later);
            }
        }
    }
}

fn check_pair(
    index: &Index<'_>,
    verdict: &mut Verdict,
    earlier: &Message<'_>,
    later: &Message<'_>,
) {
    match later.publish.order {
        Order::Unordered => {}
        Order::Start => {
            let timed = earlier.publish.send_at.is_some() || later.publish.send_at.is_some();
            if let (Some(first), Some(second)) =
                (first_claim(index, earlier), first_claim(index, later))
                && second < first
                && !timed
            {
                verdict.broken(
                    Invariant::Ordered,
                    later.delivery,
                    [earlier.call.answered_at, later.call.at, second, first],
                    format!("started before {}, published earlier", earlier.delivery),
                );
            }
        }
        Order::Strict | Order::StrictBlocking => {
            let blocks = later.publish.order == Order::StrictBlocking;
            for claim in claims(index, later) {
                let before = state_before(index, earlier, claim);
                if before.is_none() || blocks && before == Some(EndState::Dead) {
                    let how = if before.is_none() {
                        "had not ended"
                    } else {
                        "was dead"
                    };
                    let what = format!("started while {} before it {how}", earlier.delivery);
                    let lines = [earlier.call.answered_at, later.call.at, claim];
                    verdict.broken(Invariant::Ordered, later.delivery, lines, what);
                }
            }
        }
    }
}

fn claims(index: &Index<'_>, message: &Message<'_>) -> impl Iterator<Item = usize> {
    message
        .track
        .steps
        .iter()
        .copied()
        .filter(|at| matches!(&index.event(*at).seen, Seen::Claimed(step) if step.generation == 0))
}

fn first_claim(index: &Index<'_>, message: &Message<'_>) -> Option<usize> {
    claims(index, message).next()
}

/// How a message had ended before a line; none when it had not.
fn state_before(index: &Index<'_>, message: &Message<'_>, line: usize) -> Option<EndState> {
    let mut state = message.track.stillborn;
    for at in message.track.steps.iter().copied().filter(|at| *at < line) {
        match &index.event(at).seen {
            Seen::Settled {
                ended: Some((end, _)),
                ..
            }
            | Seen::Refused {
                ended: Some(end), ..
            } => state = Some(*end),
            Seen::Cancelled { .. } => state = Some(EndState::Cancelled),
            Seen::Redriven { .. } => state = None,
            _ => {}
        }
    }
    state
}
