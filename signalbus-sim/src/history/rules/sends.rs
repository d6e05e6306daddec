//! C2: nothing is sent that was not published, was not stored, or whose address is suppressed.

use signalbus::store::AddressHash;

use crate::history::{
    Invariant, Listed, Seen,
    index::{Asked, Index, Told},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for asked in index.requests.values() {
        check_published(index, verdict, asked);
        check_suppressed(index, verdict, asked);
    }
}

fn check_published(index: &Index<'_>, verdict: &mut Verdict, asked: &Asked<'_>) {
    let request = asked.request;
    let calls = index
        .contents
        .get(request.content.as_str())
        .into_iter()
        .flatten()
        .filter_map(|call| index.calls.get(call));
    let mut published = false;
    let mut all_failed = true;
    let mut wanted = false;
    for call in calls {
        published = true;
        all_failed &= matches!(call.told, Told::Failed);
        wanted |= call.publish.routes.iter().any(|route| {
            route.channel.as_ref() == Some(&request.channel) && route.address == request.address
        });
    }
    let what = if !published {
        "was sent and never published"
    } else if all_failed {
        "was sent although its publisher was told that nothing was stored"
    } else if !wanted {
        "was sent to somebody it was not for"
    } else {
        return;
    };
    verdict.broken(Invariant::Wanted, request.delivery, [asked.at], what);
}

/// A suppression binds at the claim: what was claimed before it may still be sent.
fn check_suppressed(index: &Index<'_>, verdict: &mut Verdict, asked: &Asked<'_>) {
    let request = asked.request;
    let Some(claimed_at) = claim_of(index, asked) else {
        return;
    };
    let address = AddressHash::of(&request.channel, &request.address);
    let is_it = |listed: &Listed| {
        listed.tenant == request.tenant
            && listed.channel == request.channel
            && listed.address == address
    };
    let listed = index.history.events[..claimed_at]
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, event)| match &event.seen {
            Seen::Suppressed(listed) if is_it(listed) => Some(Some(at)),
            Seen::Unsuppressed(listed) if is_it(listed) => Some(None),
            _ => None,
        });
    if let Some(Some(at)) = listed {
        verdict.broken(
            Invariant::Wanted,
            request.delivery,
            [at, claimed_at, asked.at],
            "was claimed and sent although its address was suppressed",
        );
    }
}

/// The claim that allowed a request: as it was first written, however often it was repeated.
pub(super) fn claim_of(index: &Index<'_>, asked: &Asked<'_>) -> Option<usize> {
    let request = asked.request;
    let track = index.tracks.get(&request.delivery)?;
    track
        .steps
        .iter()
        .copied()
        .filter(|at| *at < asked.at)
        .find(|at| {
            matches!(&index.event(*at).seen, Seen::Claimed(step)
                if step.generation == request.generation && step.attempt == request.attempt)
        })
}
