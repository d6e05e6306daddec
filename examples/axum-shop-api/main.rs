//! The shop of `axum-shop`, with the API and the receipts of its mails in the same server: `/orders` is for customers,
//! `/notifications` for whoever has a key, `/receipts` for Mailgun. Without an address it places an order, asks its
//! own API what became of the mail, and ends.
//!
//! ```console
//! $ cargo run -p signalbus-examples --features axum-shop-api --example axum-shop-api -- 127.0.0.1:3000
//! $ curl -H "Authorization: Bearer $(cat shop-data/admin.key)" http://127.0.0.1:3000/notifications/v1/deliveries
//! ```

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

#[path = "../axum-shop/messages.rs"]
mod messages;
#[path = "../axum-shop/shop.rs"]
mod shop;
#[cfg(test)]
mod tests;

use std::{env, fs, os::unix::fs::OpenOptionsExt, path::Path, sync::Arc};

use axum::{Router, body::Body, http::Request};
use signalbus::directory::keys::{NewKey, Pepper, Scope};
use signalbus::directory::{NamePage, Owner};
use signalbus::http::{Api, Endpoint, ReceiptIntake, ReceiptKey};
use signalbus::mailgun::{MailgunReceipts, ReceiptsConfig, SigningKey};
use signalbus::{Entropy, Failure, Signalbus, channel::Email, provider::Console};
use signalbus::{sqlite::SqliteStore, store::Store};
use tower::ServiceExt as _;

use crate::shop::Shop;

const ANVILS: &str =
    r#"{"name":"Ada","email":"ada@example.org","language":"en","item":"anvil","pieces":2}"#;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let folder = Path::new("shop-data");
    fs::create_dir_all(folder)?;
    let store = SqliteStore::open(folder.join("shop.db")).await?;
    // Your provider goes here: Mailgun, whose receipts come back below.
    let signalbus = messages::builder(Console::stdout())?
        .store(store.clone())
        .start()
        .await?;
    let shop = Shop::open(store.clone(), signalbus.clone()).await?;
    let (app, key) = app(&shop, store, &signalbus, folder).await?;
    match env::args().nth(1) {
        Some(address) => {
            let listener = tokio::net::TcpListener::bind(&address).await?;
            println!("http://{address}/orders, http://{address}/notifications/openapi.json");
            axum::serve(listener, app)
                .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
                .await?;
        }
        None => {
            shop.place(serde_json::from_str(ANVILS)?).await?;
            signalbus.idle().await;
            let ask = Request::get("/notifications/v1/events?topic=order.placed&limit=1")
                .header("authorization", format!("Bearer {key}"));
            let answer = app.oneshot(ask.body(Body::empty())?).await?;
            let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await?;
            println!("{}", String::from_utf8_lossy(&bytes));
        }
    }
    shop.close().await;
    Ok(())
}

/// Everything in one server, and the key of its operator.
async fn app(
    shop: &Shop,
    store: SqliteStore,
    signalbus: &Signalbus,
    folder: &Path,
) -> Result<(Router, String), Failure> {
    // Keep it: with another one no key is known any more.
    let pepper = secret(&folder.join("pepper"), 32)?;
    let pepper = Pepper::new(pepper.as_slice().try_into()?);
    let api = Api::new(signalbus.clone(), Arc::new(store.clone()), pepper);
    let admin = folder.join("admin.key");
    if api
        .keys()
        .list(&Owner::Host, NamePage::first(1))
        .await?
        .is_empty()
    {
        let new = NewKey::new(Owner::Host, "the operator", Scope::ALL);
        let (token, _) = api.keys().issue("axum-shop-api", new).await?;
        write(&admin, token.expose().as_bytes())?;
    }
    let signing = env::var("MAILGUN_SIGNING_KEY").unwrap_or_else(|_| "only for a try".to_owned());
    let mailgun = MailgunReceipts::new(ReceiptsConfig::new(SigningKey::new(signing)))?;
    let path = secret(&folder.join("receipts.key"), 16)?;
    let path: String = path.iter().map(|byte| format!("{byte:02x}")).collect();
    let receipts =
        ReceiptIntake::new(Arc::new(store) as Arc<dyn Store>)
            .endpoint(Endpoint::new::<Email>(mailgun, ReceiptKey::new(path)?)?);
    let app = shop
        .router()
        .merge(receipts.router())
        .nest("/notifications", api.router());
    Ok((app, fs::read_to_string(admin)?))
}

/// The bytes of a file that only its owner can read; it is made when it is not there.
fn secret(file: &Path, bytes: usize) -> Result<Vec<u8>, Failure> {
    if !fs::exists(file)? {
        let mut made = vec![0; bytes];
        Entropy::from_os().fill(&mut made);
        write(file, &made)?;
    }
    Ok(fs::read(file)?)
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    Ok(std::io::Write::write_all(&mut options.open(file)?, bytes)?)
}
