//! A shop: an order and the mail that confirms it are one transaction, and the order's page says what became of the
//! mail. Without an address it serves nobody, places two orders of its own, shows their pages, and ends.
//!
//! ```console
//! $ cargo run -p signalbus-examples --features axum-shop --example axum-shop -- 127.0.0.1:3000
//! $ curl -d '{"name":"Ada","email":"ada@example.org","language":"de","item":"anvil","pieces":2}' \
//!     -H 'Content-Type: application/json' http://127.0.0.1:3000/orders
//! $ curl http://127.0.0.1:3000/orders/1
//! ```

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

mod messages;
mod shop;
#[cfg(test)]
mod tests;

use std::env;

use signalbus::{Failure, provider::Console, sqlite::SqliteStore};

use crate::shop::{NewOrder, Shop};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let store = SqliteStore::open("shop.db").await?;
    // Your provider goes here: `SmtpProvider::from_url(..)?`, say.
    let signalbus = messages::builder(Console::stdout())?
        .store(store.clone())
        .start()
        .await?;
    let shop = Shop::open(store, signalbus.clone()).await?;
    match env::args().nth(1) {
        Some(address) => {
            let listener = tokio::net::TcpListener::bind(&address).await?;
            println!("http://{address}/orders");
            // First no new orders, then no new sends, then the file is closed.
            axum::serve(listener, shop.router())
                .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
                .await?;
        }
        None => {
            for (name, language) in [("Ada", "en"), ("Jürgen", "de")] {
                let order = shop.place(anvils(name, language)).await?;
                signalbus.idle().await;
                println!("\n{}", shop.page(order).await?.unwrap_or_default());
            }
        }
    }
    shop.close().await;
    Ok(())
}

fn anvils(name: &str, language: &str) -> NewOrder {
    NewOrder {
        name: name.to_owned(),
        email: "ada@example.org".to_owned(),
        language: language.to_owned(),
        item: "anvil".to_owned(),
        pieces: 2,
    }
}
