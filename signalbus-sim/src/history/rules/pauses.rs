//! C11: what is paused is not claimed.

use std::collections::BTreeSet;

use signalbus::{TenantId, name::ChannelName, store::Paused};

use crate::history::{
    Invariant, Seen,
    index::{Index, Track},
    verdict::Verdict,
};

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut standing: Vec<&Paused> = Vec::new();
    let mut claimed = BTreeSet::new();
    for (at, event) in index.history.events.iter().enumerate() {
        match &event.seen {
            Seen::Paused(what) => standing.push(what),
            Seen::Resumed(what) => standing.retain(|one| *one != what),
            // The same claim again, after its answer was lost, is no new one.
            Seen::Claimed(step)
                if claimed.insert((step.delivery, step.generation, step.attempt)) =>
            {
                let Some((tenant, channel)) = wanted(index, &index.tracks[&step.delivery]) else {
                    continue;
                };
                if let Some(pause) = standing.iter().find(|one| holds(one, tenant, channel)) {
                    let what = format!("was claimed while {pause} was paused");
                    verdict.broken(Invariant::Held, step.delivery, [at], what);
                }
            }
            _ => {}
        }
    }
}

fn wanted<'a>(index: &Index<'a>, track: &Track<'_>) -> Option<(&'a TenantId, &'a ChannelName)> {
    let (publish, route) = index.wanted(track)?;
    Some((&publish.tenant, route.channel.as_ref()?))
}

/// No pause of a run names a topic, which histories do not tell.
fn holds(pause: &Paused, tenant: &TenantId, channel: &ChannelName) -> bool {
    pause.provider.is_none()
        && pause.topic.is_none()
        && pause.tenant.as_ref().is_none_or(|of| of == tenant)
        && pause.channel.as_ref().is_none_or(|on| on == channel)
}
