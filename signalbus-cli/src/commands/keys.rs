//! `signalbus keys`: the keys of the API over HTTP.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::Path,
    sync::Arc,
};

use serde_json::{Value, json};
use signalbus::{
    Entropy, SystemClock,
    directory::{
        Keys, NamePage, Owner,
        keys::{KeyError, KeyRecord, NewKey, Pepper, Token},
    },
};

use super::consent::Asked;
use crate::{
    answer::Answer,
    arguments::{self, Whose},
    failure::Failure,
    moment,
    table::table,
    target::Target,
    visible::Visible,
};

pub(super) async fn run(target: &Target, what: &arguments::Keys) -> Result<Answer, Failure> {
    match what {
        arguments::Keys::List {
            whose,
            limit,
            after,
        } => {
            let mut page = NamePage::first(*limit);
            page.after.clone_from(after);
            list(target, whose, page).await
        }
        arguments::Keys::Issue(asked) => issue(target, asked).await,
        arguments::Keys::Rotate(asked) => rotate(target, asked).await,
        arguments::Keys::Revoke { id, whose, consent } => {
            let asked = Asked::new(consent, target)?;
            revoke(target, &asked, whose, id).await
        }
    }
}

fn owner(whose: &Whose) -> Owner {
    match &whose.tenant {
        Some(tenant) => Owner::Tenant(tenant.clone()),
        None => Owner::Host,
    }
}

fn named(owner: &Owner) -> String {
    match owner {
        Owner::Host => "the host".to_owned(),
        Owner::Tenant(tenant) => format!("tenant {tenant}"),
    }
}

async fn keys(target: &Target, pepper: Pepper, change: bool) -> Result<Keys, Failure> {
    let directory = target.directory(change).await?;
    let clock = Arc::new(SystemClock::new());
    let entropy = Arc::new(Entropy::from_os());
    Ok(Keys::new(directory, pepper, clock, entropy))
}

/// Where nothing is hashed, any will do.
fn no_pepper() -> Pepper {
    Pepper::generate(&Entropy::from_os())
}

async fn list(target: &Target, whose: &Whose, page: NamePage) -> Result<Answer, Failure> {
    let keys = keys(target, no_pepper(), false).await?;
    let owner = owner(whose);
    let limit = page.limit;
    let found = keys.list(&owner, page).await.map_err(failure)?;
    let now = moment::now();
    let row = |record: &KeyRecord| {
        let used = record
            .used_at
            .map_or_else(|| "never".to_owned(), |at| moment::age(at, now));
        vec![
            record.id.clone(),
            state(record),
            scopes(record),
            used,
            Visible(&record.label).to_string(),
        ]
    };
    let mut text = if found.is_empty() {
        format!("{} has no keys\n", named(&owner))
    } else {
        let headings = ["KEY", "STATE", "MAY", "USED", "LABEL"];
        table(&headings, &[0], found.iter().map(row).collect())
    };
    let next = (found.len() >= usize::try_from(limit).unwrap_or(usize::MAX))
        .then(|| found.last().map(|record| record.id.clone()))
        .flatten();
    if let Some(next) = &next {
        text.push_str(&format!("more: --after {next}\n"));
    }
    let keys: Vec<Value> = found.iter().map(shown).collect();
    Ok(Answer::good(text, json!({ "keys": keys, "next": next })))
}

async fn issue(target: &Target, typed: &arguments::Issue) -> Result<Answer, Failure> {
    let asked = Asked::new(&typed.consent, target)?;
    let owner = owner(&typed.whose);
    let pepper = read_pepper(&typed.pepper)?;
    let mut new = NewKey::new(
        owner.clone(),
        typed.label.clone(),
        typed.scope.iter().copied(),
    );
    if let Some(span) = typed.expires_in {
        let end = moment::now().checked_add(span);
        new.expires_at =
            Some(end.map_err(|_| Failure::Usage("that is after all time".to_owned()))?);
    }
    let heading = asked.heading(&format!("issue a key of {}", named(&owner)));
    if !asked.yes {
        let text = format!(
            "{heading}it would be written to {}\n{}",
            typed.into.display(),
            asked.hint()
        );
        return Ok(Answer::good(text, of(&asked, None)));
    }
    let file = Secret::new(&typed.into)?;
    let keys = keys(target, pepper, true).await?;
    let made = keys.issue(&asked.actor, new).await;
    file.keep(made, &asked, &heading)
}

async fn rotate(target: &Target, typed: &arguments::Rotate) -> Result<Answer, Failure> {
    let asked = Asked::new(&typed.consent, target)?;
    let owner = owner(&typed.whose);
    let pepper = read_pepper(&typed.pepper)?;
    let keys = keys(target, pepper, asked.yes).await?;
    let old = keys.get(&owner, &typed.id).await.map_err(failure)?;
    let heading = asked.heading(&format!("rotate key {} of {}", old.id, named(&owner)));
    let stays = moment::rough(typed.overlap.as_secs());
    if !asked.yes {
        let text = format!(
            "{heading}a new one would be written to {}; this one would be good for {stays} more\n{}",
            typed.into.display(),
            asked.hint()
        );
        return Ok(Answer::good(text, of(&asked, Some(&old))));
    }
    let file = Secret::new(&typed.into)?;
    let made = keys
        .rotate(&asked.actor, &owner, &typed.id, typed.overlap)
        .await;
    let heading = format!("{heading}the old one is good for {stays} more\n");
    file.keep(made, &asked, &heading)
}

async fn revoke(
    target: &Target,
    asked: &Asked,
    whose: &Whose,
    id: &str,
) -> Result<Answer, Failure> {
    let owner = owner(whose);
    let keys = keys(target, no_pepper(), asked.yes).await?;
    let mut record = keys.get(&owner, id).await.map_err(failure)?;
    let was = state(&record);
    if asked.yes {
        record = keys
            .revoke(&asked.actor, &owner, id)
            .await
            .map_err(failure)?;
    }
    let text = format!(
        "{}key {} ({}), which {} {was}, {} refused with the next request\n{}",
        asked.heading(&format!("revoke a key of {}", named(&owner))),
        record.id,
        Visible(&record.label),
        if asked.yes { "was" } else { "is" },
        if asked.yes { "is" } else { "would be" },
        asked.hint()
    );
    Ok(Answer::good(text, of(asked, Some(&record))))
}

/// A file for a secret: made before the secret is, so that none is lost because it has no place.
struct Secret<'a> {
    path: &'a Path,
    file: fs::File,
}

impl<'a> Secret<'a> {
    fn new(path: &'a Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|source| Failure::File {
            what: format!(
                "{} cannot be made; it must not be there yet",
                path.display()
            ),
            source,
        })?;
        Ok(Self { path, file })
    }

    /// Writes the key into it; takes it away when there is none.
    fn keep(
        mut self,
        made: Result<(Token, KeyRecord), KeyError>,
        asked: &Asked,
        heading: &str,
    ) -> Result<Answer, Failure> {
        let (token, record) = match made {
            Ok(made) => made,
            Err(error) => {
                // It is empty, and of no use to anybody.
                let _ = fs::remove_file(self.path);
                return Err(failure(error));
            }
        };
        let written = writeln!(self.file, "{}", token.expose()).and_then(|()| self.file.sync_all());
        written.map_err(|source| Failure::File {
            what: format!(
                "{} cannot be written: revoke key {}, which nobody has",
                self.path.display(),
                record.id
            ),
            source,
        })?;
        let text = format!("{heading}key {} is in {}\n", record.id, self.path.display());
        Ok(Answer::good(text, of(asked, Some(&record))))
    }
}

/// 64 hexadecimal digits, as `notification-server` keeps it.
fn read_pepper(path: &Path) -> Result<Pepper, Failure> {
    let text = fs::read_to_string(path).map_err(|source| Failure::File {
        what: format!("the pepper {} cannot be read", path.display()),
        source,
    })?;
    let text = text.trim();
    let wrong = || {
        let what = format!("{} does not have 64 hexadecimal digits", path.display());
        Failure::Usage(what)
    };
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut secret = [0; 32];
    for (place, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).map_err(|_| wrong())?;
    }
    Ok(Pepper::new(secret))
}

fn state(record: &KeyRecord) -> String {
    let now = moment::now();
    match (record.revoked_at, record.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) if end <= now => "expired".to_owned(),
        (None, Some(end)) => format!("ends {}", moment::age(end, now)),
        (None, None) => "good".to_owned(),
    }
}

fn scopes(record: &KeyRecord) -> String {
    let words: Vec<&str> = record.scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

fn shown(record: &KeyRecord) -> Value {
    json!({
        "id": record.id,
        "owner": named(&record.owner),
        "label": record.label,
        "scopes": record.scopes,
        "created_at": moment::shown(record.created_at),
        "expires_at": record.expires_at.map(moment::shown),
        "revoked_at": record.revoked_at.map(moment::shown),
        "used_at": record.used_at.map(moment::shown),
    })
}

fn of(asked: &Asked, record: Option<&KeyRecord>) -> Value {
    json!({
        "target": asked.target,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "key": record.map(shown),
    })
}

fn failure(error: KeyError) -> Failure {
    match error {
        KeyError::Directory(error) => Failure::Store(error),
        KeyError::NotFound => {
            Failure::Missing("there is no such key; see signalbus keys list".to_owned())
        }
        KeyError::Invalid(hint) => Failure::Usage(hint.to_owned()),
        error => Failure::input("the key cannot be changed", error),
    }
}
