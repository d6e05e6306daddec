//! What is sent by whom: put your own channels and providers here.

use std::{error::Error, path::Path, sync::Arc};

use signalbus::{
    ChannelSetup, Limiter, Policy, Signalbus, Templates,
    channel::{Email, Sms},
    http::vault::Vault,
    provider::Console,
    smtp::MailFolder,
};

use crate::{
    accounts,
    args::{Accounts, Args},
    store::Stored,
};

pub(crate) async fn engine(
    args: &Args,
    stored: &Stored,
    folder: &Path,
    limiter: Option<Arc<dyn Limiter>>,
    vault: Option<&Vault>,
) -> Result<Signalbus, Box<dyn Error>> {
    let email = Email::from("Signalbus <hello@signalbus.example>")?;
    let mails = MailFolder::new(folder.join("mails"))?;
    let email = match (args.accounts, vault) {
        (Accounts::Off, _) => ChannelSetup::new(email, mails),
        (accounts, Some(vault)) => {
            let vault = vault.clone();
            let mails = accounts::mails(accounts, stored.directory(), vault, mails).await?;
            ChannelSetup::new(email, mails)
        }
        (_, None) => return Err("--accounts needs the file master.key in the folder".into()),
    };
    let mut builder = Signalbus::builder()
        .shared_store(stored.store())
        .channel_setup(email)
        .channel(Sms::new(), Console::stdout())
        .templates(Templates::dir(&args.templates)?)
        .policy(Policy::new().on::<Email>("*").on::<Sms>("auth.*"));
    if let Some(limiter) = limiter {
        builder = builder.shared_limiter(limiter);
    }
    Ok(builder.build()?)
}
