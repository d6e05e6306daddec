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
        // When the bus gives out what it carries is its own affair.
        for later in messages.iter().filter(|message| !message.publish.bus) {
            let earlier = messages
                .iter()
                .filter(|earlier| matches!(earlier.call.told, Told::Ok(..)))
                .filter(|earlier| earlier.call.answered_at < later.call.at);
            for earlier in earlier {
                let passes = later.publish.order == Order::Start
                    && may_have_waited(index, messages, earlier, later);
                if !passes {
                    check_pair(index, verdict, earlier, later);
                }
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
                && !earlier.track.was_held()
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
            // What was purged blocks nothing any more.
            let purged = earlier.track.purged.unwrap_or(usize::MAX);
            for claim in claims(index, later).filter(|claim| *claim < purged) {
                let before = earlier.track.ended_before(index, claim);
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

/// Whether a strict message was held back by one before it at some time: then those ordered by
/// start pass it.
fn may_have_waited(
    index: &Index<'_>,
    messages: &[Message<'_>],
    strict: &Message<'_>,
    later: &Message<'_>,
) -> bool {
    let blocking = match strict.publish.order {
        Order::Strict => false,
        Order::StrictBlocking => true,
        Order::Unordered | Order::Start => return false,
    };
    // Answers may come in another order than commits.
    messages.iter().any(|before| {
        before.delivery != strict.delivery
            && before.call.at < strict.call.answered_at
            && match before.track.ended_before(index, later.call.at) {
                None => true,
                Some(state) => blocking && state == EndState::Dead,
            }
    })
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
