use std::{error::Error, sync::Arc, time::Duration};

use lettre::transport::smtp::{
    client::AsyncSmtpConnection,
    commands::{Data, Mail as MailFrom, Rcpt},
    extension::ClientId,
};
use tokio::task::JoinSet;

use crate::sink::Mail;

/// The loop that somebody would write: as many connections, one mail after the other on each. From
/// the first connection to the last answer.
pub(crate) async fn send(
    port: u16,
    mails: &[Mail],
    connections: usize,
) -> Result<Duration, Box<dyn Error>> {
    let mails: Arc<[Mail]> = mails.into();
    let begun = std::time::Instant::now();
    let mut tasks = JoinSet::new();
    for first in 0..connections {
        let mails = Arc::clone(&mails);
        tasks.spawn(async move {
            let hello = ClientId::default();
            let mut smtp =
                AsyncSmtpConnection::connect_tokio1(("127.0.0.1", port), None, &hello, None, None)
                    .await
                    .map_err(|error| error.to_string())?;
            for mail in mails.iter().skip(first).step_by(connections) {
                one(&mut smtp, mail).await?;
            }
            Ok::<_, String>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(begun.elapsed())
}

async fn one(smtp: &mut AsyncSmtpConnection, mail: &Mail) -> Result<(), String> {
    let told = |error: lettre::transport::smtp::Error| error.to_string();
    let from = mail.from.parse().map_err(|_| "no address")?;
    let to = mail.to.parse().map_err(|_| "no address")?;
    smtp.command(MailFrom::new(Some(from), vec![]))
        .await
        .map_err(told)?;
    smtp.command(Rcpt::new(to, vec![])).await.map_err(told)?;
    smtp.command(Data).await.map_err(told)?;
    // lettre ends the last line itself.
    let body = mail.content.strip_suffix(b"\r\n").unwrap_or(&mail.content);
    smtp.message(body).await.map_err(told)?;
    Ok(())
}
