//! What is sent by whom: put your own channels and providers here.

use std::{error::Error, path::Path, sync::Arc};

use signalbus::{
    Limiter, Policy, Signalbus, Templates,
    channel::{Email, Sms},
    provider::Console,
    smtp::MailFolder,
};

use crate::store::Stored;

pub(crate) fn engine(
    stored: &Stored,
    folder: &Path,
    templates: &Path,
    limiter: Option<Arc<dyn Limiter>>,
) -> Result<Signalbus, Box<dyn Error>> {
    let email = Email::from("Signalbus <hello@signalbus.example>")?;
    let mut builder = Signalbus::builder()
        .shared_store(stored.store())
        .channel(email, MailFolder::new(folder.join("mails"))?)
        .channel(Sms::new(), Console::stdout())
        .templates(Templates::dir(templates)?)
        .policy(Policy::new().on::<Email>("*").on::<Sms>("auth.*"));
    if let Some(limiter) = limiter {
        builder = builder.shared_limiter(limiter);
    }
    Ok(builder.build()?)
}
