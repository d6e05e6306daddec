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
        check_key(verdict, uses);
    }
}

fn check_key(verdict: &mut Verdict, uses: &Uses<'_>) {
    if uses.stored.len() > 1 {
        let lines = uses.stored.values().map(|(at, _)| *at);
        let what = format!("one key stands for {} events", uses.stored.len());
        verdict.broken(Invariant::Idempotent, None, lines, what);
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
