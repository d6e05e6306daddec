//! What is sent by whom: put your own channels and providers here.

use std::{error::Error, path::Path};

use signalbus::{
    Policy, Signalbus, Templates,
    channel::{Email, Sms},
    provider::Console,
    smtp::MailFolder,
};

use crate::store::Stored;

pub(crate) fn engine(
    stored: &Stored,
    folder: &Path,
    templates: &Path,
) -> Result<Signalbus, Box<dyn Error>> {
    let email = Email::from("Signalbus <hello@signalbus.example>")?;
    let signalbus = Signalbus::builder()
        .shared_store(stored.store())
        .channel(email, MailFolder::new(folder.join("mails"))?)
        .channel(Sms::new(), Console::stdout())
        .templates(Templates::dir(templates)?)
        .policy(Policy::new().on::<Email>("*").on::<Sms>("auth.*"))
        .build()?;
    Ok(signalbus)
}
