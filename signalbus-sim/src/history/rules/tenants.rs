//! C7: no tenant sees or causes another tenant's work.

use signalbus::store::{AddressHash, EndState, Reason, State};

use crate::history::{End, Invariant, Seen, index::Index, verdict::Verdict};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for asked in index.requests.values() {
        let owner = index
            .contents
            .get(asked.request.content.as_str())
            .and_then(|calls| index.calls.get(calls.first()?));
        if owner.is_some_and(|call| call.publish.tenant != asked.request.tenant) {
            verdict.broken(
                Invariant::Isolated,
                asked.request.delivery,
                [asked.at],
                "was sent for another tenant than the one that published it",
            );
        }
    }
    for (at, event) in index.history.events.iter().enumerate() {
        if let Seen::Foreign { what, reached } = &event.seen
            && *reached > 0
        {
            let what = format!("{what} of one tenant reached {reached} of another");
            verdict.broken(Invariant::Isolated, None, [at], what);
        }
    }
    for end in &index.history.ends {
        let wanted = index
            .tracks
            .get(&end.delivery)
            .and_then(|track| index.wanted(track));
        if wanted.is_some_and(|(publish, _)| publish.tenant != end.tenant) {
            let what = "is held for another tenant than the one that published it";
            verdict.broken(Invariant::Isolated, end.delivery, [], what);
        }
        if index.has_log
            && end.state == State::Ended(EndState::Suppressed)
            && end.reason == Some(Reason::Suppressed)
            && !own_suppression(index, end)
        {
            verdict.broken(
                Invariant::Isolated,
                end.delivery,
                [],
                "was suppressed, which its own tenant never asked for",
            );
        }
    }
}

fn own_suppression(index: &Index<'_>, end: &End) -> bool {
    let Some((publish, route)) = index
        .tracks
        .get(&end.delivery)
        .and_then(|track| index.wanted(track))
    else {
        return true;
    };
    let Some(channel) = &route.channel else {
        return false;
    };
    let address = AddressHash::of(channel, &route.address);
    index.history.events.iter().any(|event| {
        matches!(&event.seen, Seen::Suppressed(listed)
            if listed.tenant == publish.tenant
                && listed.channel == *channel
                && listed.address == address)
    })
}
