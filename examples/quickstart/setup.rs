//! What is sent by whom, and where everything is.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    path::{Path, PathBuf},
};

use signalbus::smtp::MailFolder;
use signalbus::{
    Builder, Policy, Signalbus, Templates, TenantId,
    channel::{Email, Sms},
};

use crate::{database::Database, texts::TextFile};

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");

/// The folder of one quickstart.
#[derive(Debug)]
pub(crate) struct Place {
    dir: PathBuf,
}

impl Place {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join("signalbus.db")
    }

    pub(crate) fn mails(&self) -> PathBuf {
        self.dir.join("mails")
    }

    pub(crate) fn texts(&self) -> PathBuf {
        self.dir.join("texts.jsonl")
    }
}

/// The engine, not started yet. The store comes first: an SQLite file lets only one process in.
pub(crate) async fn open(
    place: &Place,
    url: Option<&str>,
) -> Result<(Signalbus, Database), Box<dyn Error + Send + Sync>> {
    std::fs::create_dir_all(place.dir())
        .map_err(|error| format!("{}: {error}", place.dir().display()))?;
    let database = Database::open(place, url).await?;
    let builder = database.give_to(Signalbus::builder());
    let email = email()?;
    let signalbus = mails(builder, email, place)?
        .channel(Sms::new(), TextFile::open(&place.texts())?)
        .templates(Templates::dir(TEMPLATES)?)
        .policy(policy())
        .build()?;
    Ok((signalbus, database))
}

/// Each company writes under its own name, and whoever has none under ours.
fn email() -> Result<Email, Box<dyn Error + Send + Sync>> {
    let mut email = Email::from("Signalbus <hello@signalbus.example>")?;
    for (tenant, mailbox) in [
        ("acme", "Acme Corp. <hello@acme.example>"),
        ("globex", "Globex <hello@globex.example>"),
        ("nordwind", "Nordwind <hallo@nordwind.example>"),
        ("sakura", "Sakura <hello@sakura.example>"),
    ] {
        email = email.for_tenant(TenantId::new(tenant)?, mailbox)?;
    }
    Ok(email)
}

/// Where mails go when they are sent, such as `smtp://localhost:2525?tls=none`.
const SMTP_URL: &str = "SIGNALBUS_SMTP_URL";

/// Mails go into a folder, unless the environment names a server.
fn mails(
    builder: Builder,
    email: Email,
    place: &Place,
) -> Result<Builder, Box<dyn Error + Send + Sync>> {
    match env::var(SMTP_URL) {
        Err(_) => Ok(builder.channel(email, MailFolder::new(place.mails())?)),
        #[cfg(feature = "smtp")]
        Ok(url) => Ok(builder.channel(email, signalbus::smtp::SmtpProvider::from_url(&url)?)),
        #[cfg(not(feature = "smtp"))]
        Ok(_) => Err(format!("to send to {SMTP_URL}, run it with `--features smtp`").into()),
    }
}

/// Where the mails are, for the reader.
pub(crate) fn mails_shown(place: &Place) -> String {
    match env::var(SMTP_URL) {
        Err(_) => place.mails().display().to_string(),
        // The URL itself has a password in it.
        Ok(_) => format!("sent to the server of {SMTP_URL}"),
    }
}

fn policy() -> Policy {
    Policy::new()
        .on::<Email>("user.*")
        .on::<Sms>("auth.code")
        .on::<Email>("invoice.paid")
        .on::<Email>("order.shipped")
        .on::<Sms>("order.shipped")
        .on::<Email>("newsletter.*")
        .on::<Email>("ops.alert")
}

/// Two addresses that nothing is sent to any more.
pub(crate) async fn suppress(
    signalbus: &Signalbus,
    tenants: BTreeSet<TenantId>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    for tenant in &tenants {
        signalbus
            .suppress_on::<Email>(tenant, "bounced@example.net", "bounced")
            .await?;
        signalbus
            .suppress_on::<Sms>(tenant, "+12025550199", "bounced")
            .await?;
    }
    Ok(())
}
