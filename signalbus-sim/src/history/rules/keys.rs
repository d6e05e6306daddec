//! C6: a key stands for one event.

use std::collections::BTreeMap;

use signalbus::{EventId, TenantId};

use crate::history::{
    Invariant, Said, Seen,
    index::{Call, Index, Told},
    verdict::Verdict,
};

/// The events of one key.
#[derive(Default)]
struct Uses<'a> {
    calls: Vec<&'a Call<'a>>,
    /// What the store took, with what content.
    stored: BTreeMap<EventId, (usize, Option<&'a str>)>,
}

pub(in crate::history) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut keys: BTreeMap<(&TenantId, &str), Uses<'_>> = BTreeMap::new();
    for call in index.calls.values() {
        if let Some(key) = &call.publish.key {
            let uses = keys.entry((&call.publish.tenant, key)).or_default();
            uses.calls.push(call);
            if let Told::Ok(event, Said::Accepted, _) = call.told {
                let content = call.publish.content.as_str();
                uses.stored
                    .entry(event)
                    .or_insert((call.answered_at, Some(content)));
            }
        }
    }
    for (at, event) in index.history.events.iter().enumerate() {
        if let Seen::Stored {
            event,
            tenant,
            key: Some(key),
            content,
            ..
        } = &event.seen
        {
            let uses = keys.entry((tenant, key)).or_default();
            uses.stored.insert(*event, (at, content.as_deref()));
        }
    }
    for uses in keys.values() {
        check_key(index, verdict, uses);
    }
}

/// Forgets what was purged before the next event took its key. What publishers were told while a
/// key changed its event cannot be judged any more.
fn check_reused(index: &Index<'_>, verdict: &mut Verdict, uses: &Uses<'_>) -> bool {
    let purges: BTreeMap<EventId, usize> = uses
        .stored
        .keys()
        .filter_map(|event| Some((*event, purged_at(index, *event)?)))
        .collect();
    let mut stored: Vec<(usize, EventId)> = uses
        .stored
        .iter()
        .map(|(event, (at, _))| (*at, *event))
        .collect();
    stored.sort_unstable();
    for pair in stored.windows(2) {
        let [(first_at, first), (second_at, _)] = pair else {
            continue;
        };
        if purges.get(first).is_none_or(|purged| purged > second_at) {
            let what = "one key stands for two events";
            verdict.broken(Invariant::Idempotent, None, [*first_at, *second_at], what);
        }
    }
    !purges.is_empty()
}

fn purged_at(index: &Index<'_>, of: EventId) -> Option<usize> {
    index.history.events.iter().position(
        |event| matches!(&event.seen, Seen::Purged { events, .. } if events.contains(&of)),
    )
}

fn check_key(index: &Index<'_>, verdict: &mut Verdict, uses: &Uses<'_>) {
    if check_reused(index, verdict, uses) {
        return;
    }
    if uses.stored.len() > 1 {
        return;
    }
    let Some((event, (_, Some(content)))) = uses.stored.first_key_value() else {
        return;
    };
    for call in &uses.calls {
        let same = call.publish.content == *content;
        let what = match call.told {
            Told::Ok(_, Said::Accepted | Said::Duplicate, _) if !same => {
                "another content under a used key was not a conflict"
            }
            Told::Ok(_, Said::Conflict, _) if same => "a repeat was called a conflict",
            Told::Ok(told, ..) if told != *event => "the answer to a repeat names another event",
            _ => continue,
        };
        let lines = [call.at, call.answered_at];
        verdict.broken(Invariant::Idempotent, None, lines, what);
    }
}
