//! `signalbus redrive`.

use serde_json::{Value, json};
use signalbus::{
    DeliveryId, Store, TenantId,
    store::{Redrive, RedriveContent, Redriven, Selection, State},
};

use super::{consent::Asked, list};
use crate::{answer::Answer, arguments, failure::Failure, target::Target};

/// How many in one transaction.
const BATCH: u32 = 500;

pub(super) async fn run(target: &Target, typed: &arguments::Redrive) -> Result<Answer, Failure> {
    let asked = Asked::new(&typed.consent, target)?;
    if typed.deliveries.is_empty() && typed.state.is_none() {
        let hint = "name deliveries, or a filter with at least --state, such as --state dead";
        return Err(Failure::Usage(hint.to_owned()));
    }
    if typed.state.is_some_and(|state| !can(state)) {
        let hint = "only dead, expired, suppressed and outcome_unknown deliveries can be redriven";
        return Err(Failure::Usage(hint.to_owned()));
    }
    let tenant = typed.filter.tenant.clone().unwrap_or_default();
    let store = if asked.yes {
        target.change().await?
    } else {
        target.look().await?
    };
    let selection = selection(typed, &*store, &tenant).await?;
    let redrive = Redrive {
        tenant: tenant.clone(),
        selection,
        actor: asked.actor.clone(),
        content: if typed.frozen {
            RedriveContent::Frozen
        } else {
            RedriveContent::Fresh
        },
        spacing: typed.spacing,
        expires_at: None,
        limit: typed.limit,
        dry_run: !asked.yes,
    };
    let done = if asked.yes {
        in_batches(&*store, redrive, typed).await?
    } else {
        store.redrive(redrive).await?
    };
    Ok(answer(&asked, &tenant, &done))
}

fn can(state: State) -> bool {
    matches!(state, State::Ended(end) if end.can_be_redriven())
}

/// Deliveries without a generation are taken in the one they are in now.
async fn selection(
    typed: &arguments::Redrive,
    store: &dyn Store,
    tenant: &TenantId,
) -> Result<Selection, Failure> {
    if typed.deliveries.is_empty() {
        return Ok(Selection::Filter(list::filter(&typed.filter, typed.state)));
    }
    let mut ids = Vec::with_capacity(typed.deliveries.len());
    for text in &typed.deliveries {
        let (id, generation) = match text.split_once('@') {
            Some((id, generation)) => (id, Some(generation)),
            None => (text.as_str(), None),
        };
        let wrong = || Failure::Usage("a delivery is ID or ID@GENERATION".to_owned());
        let id: DeliveryId = id.parse().map_err(|_| wrong())?;
        let generation = match generation {
            Some(generation) => generation.parse().map_err(|_| wrong())?,
            None => {
                let found = store.delivery(tenant, id).await?;
                let missing = || format!("tenant {tenant} has no delivery {id}");
                found.ok_or_else(|| Failure::Missing(missing()))?.generation
            }
        };
        ids.push((id, generation));
    }
    Ok(Selection::Ids(ids))
}

/// What is spaced begins at the time of its transaction, so that it is one; the rest is done in
/// several, so that none is long.
async fn in_batches(
    store: &dyn Store,
    mut redrive: Redrive,
    typed: &arguments::Redrive,
) -> Result<Redriven, Failure> {
    let whole = !redrive.spacing.is_zero() || matches!(redrive.selection, Selection::Ids(_));
    let mut all = Redriven::default();
    let mut left = typed.limit;
    loop {
        redrive.limit = if whole { left } else { left.min(BATCH) };
        let done = store.redrive(redrive.clone()).await?;
        let started = u32::try_from(done.started.len()).unwrap_or(u32::MAX);
        left = left.saturating_sub(started);
        all.started.extend(done.started);
        all.skipped.extend(done.skipped);
        all.more = done.more;
        if whole || !done.more || left == 0 || started == 0 {
            return Ok(all);
        }
        eprintln!("{} redriven so far", all.started.len());
    }
}

fn answer(asked: &Asked, tenant: &TenantId, done: &Redriven) -> Answer {
    let count = done.started.len();
    let verb = if asked.yes {
        "redriven"
    } else {
        "would be redriven"
    };
    let mut text = asked.heading(&format!("redrive for tenant {tenant}"));
    text.push_str(&format!("{count} {verb}\n"));
    if !done.skipped.is_empty() {
        let skipped = done.skipped.len();
        text.push_str(&format!(
            "{skipped} left as they are: in another generation, not ended, or sent\n"
        ));
    }
    if done.more {
        text.push_str("more match than the limit: raise --limit, or repeat\n");
    }
    text.push_str(asked.hint());
    let started: Vec<Value> = done
        .started
        .iter()
        .map(|(id, generation)| json!({ "delivery": id, "generation": generation }))
        .collect();
    let json = json!({
        "target": asked.target,
        "tenant": tenant,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "redriven": started,
        "skipped": done.skipped,
        "more": done.more,
    });
    Answer::good(text, json)
}
