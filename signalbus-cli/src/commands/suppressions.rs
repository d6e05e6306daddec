//! `signalbus suppressions`.

use serde_json::json;
use signalbus::store::{Cause, Scope, Suppression, Unsuppress};

use super::consent::Asked;
use crate::{
    address,
    answer::{Answer, BAD},
    arguments::{Consent, Listed, Suppressions},
    failure::Failure,
    target::Target,
    visible::Visible,
};

pub(super) async fn run(target: &Target, what: &Suppressions) -> Result<Answer, Failure> {
    match what {
        Suppressions::Lookup(entry) => lookup(target, entry).await,
        Suppressions::Add {
            entry,
            cause,
            all_tenants,
            consent,
        } => add(target, entry, cause, *all_tenants, consent).await,
        Suppressions::Remove {
            entry,
            cause,
            all_tenants,
            consent,
        } => remove(target, entry, cause.as_deref(), *all_tenants, consent).await,
    }
}

/// What an entry keeps back.
fn scope(entry: &Listed) -> Scope {
    let mut scope = Scope::default();
    scope.sender.clone_from(&entry.sender);
    scope.category.clone_from(&entry.category);
    scope
}

/// Whose list, in words.
fn list(entry: &Listed, all_tenants: bool) -> String {
    let of = if all_tenants {
        "all tenants".to_owned()
    } else {
        format!("tenant {}", entry.tenant)
    };
    format!("{} list of {of}", entry.channel)
}

async fn lookup(target: &Target, entry: &Listed) -> Result<Answer, Failure> {
    let hash = address::hash(&entry.channel, &entry.address.0)?;
    let mut asked =
        signalbus::store::Listed::new(entry.tenant.clone(), entry.channel.clone(), hash);
    asked.sender.clone_from(&entry.sender);
    asked.category.clone_from(&entry.category);
    let store = target.look().await?;
    let found = store
        .suppressed(vec![asked])
        .await?
        .into_iter()
        .next()
        .flatten();
    let Some(found) = found else {
        let text = "not suppressed\n".to_owned();
        return Ok(Answer::good(text, json!({ "suppressed": false })));
    };
    let since = found.as_of.map(crate::moment::shown);
    let mut text = format!("suppressed: {}", Visible(found.cause.as_str()));
    if let Some(code) = &found.code {
        text.push_str(&format!(" [{}]", Visible(code)));
    }
    if let Some(since) = &since {
        text.push_str(&format!(" since {since}"));
    }
    text.push_str(if found.tenant.is_none() {
        ", for all tenants\n"
    } else {
        "\n"
    });
    let json = json!({
        "suppressed": true,
        "cause": found.cause,
        "code": found.code,
        "since": since,
        "all_tenants": found.tenant.is_none(),
        "scope": found.scope,
    });
    Ok(Answer {
        text,
        json,
        code: BAD,
    })
}

async fn add(
    target: &Target,
    entry: &Listed,
    cause: &str,
    all_tenants: bool,
    consent: &Consent,
) -> Result<Answer, Failure> {
    let asked = Asked::new(consent, target)?;
    let hash = address::hash(&entry.channel, &entry.address.0)?;
    let cause = Cause::from(cause);
    let new = Suppression::new(
        entry.tenant.clone(),
        entry.channel.clone(),
        hash,
        cause.clone(),
    )
    .within(scope(entry));
    let new = if all_tenants {
        new.for_all_tenants()
    } else {
        new
    };
    if asked.yes {
        target.change().await?.suppress(vec![new]).await?;
    }
    let list = list(entry, all_tenants);
    let verb = if asked.yes { "is" } else { "would be" };
    let text = format!(
        "{}the address {verb} on the {list}: {}\n{}",
        asked.heading("suppress"),
        Visible(cause.as_str()),
        asked.hint()
    );
    let json = json!({
        "target": asked.target,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "list": list,
        "cause": cause,
    });
    Ok(Answer::good(text, json))
}

async fn remove(
    target: &Target,
    entry: &Listed,
    cause: Option<&str>,
    all_tenants: bool,
    consent: &Consent,
) -> Result<Answer, Failure> {
    let asked = Asked::new(consent, target)?;
    let hash = address::hash(&entry.channel, &entry.address.0)?;
    let mut which =
        Unsuppress::new(entry.tenant.clone(), entry.channel.clone(), hash).within(scope(entry));
    which.only = cause.map(Cause::from);
    if all_tenants {
        which.tenant = None;
    }
    let removed = if asked.yes {
        Some(target.change().await?.unsuppress(which).await?)
    } else {
        None
    };
    let list = list(entry, all_tenants);
    let what = match removed {
        Some(true) => format!("the address was taken off the {list}\n"),
        Some(false) => format!("no such entry on the {list}\n"),
        None => format!("the address would be taken off the {list}, if it is on it\n"),
    };
    let text = format!("{}{what}{}", asked.heading("unsuppress"), asked.hint());
    let json = json!({
        "target": asked.target,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "list": list,
        "removed": removed,
    });
    Ok(Answer {
        text,
        json,
        code: if removed == Some(false) { BAD } else { 0 },
    })
}
