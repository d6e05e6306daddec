//! A table of the application and its notifications in one transaction of Postgres: an order that
//! is rolled back sends nothing, and one that is committed sends once.
//!
//! ```console
//! $ DATABASE_URL=postgres://app@localhost/app cargo run --example orders --features postgres
//! ```

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

use signalbus::{Event, Failure, Idempotency, Policy, Recipient, Signalbus, Templates, Wake};
use signalbus::{channel::Sms, postgres::PostgresStore, provider::Console};
use sqlx::{PgPool, Postgres, Transaction};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("DATABASE_URL")
        .map_err(|_| "set DATABASE_URL to the URL of a Postgres database")?;
    let pool = PgPool::connect(&url).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS shop_order (id bigserial PRIMARY KEY, items integer)")
        .execute(&pool)
        .await?;
    let store = PostgresStore::from_url(&url)?.schema("shop_messages");
    let store = store.open().await?;
    let signalbus = Signalbus::builder()
        .store(store.clone())
        .channel(Sms::new(), Console::stdout())
        .templates(Templates::embedded(&[(
            "order.placed/en/sms.txt",
            "Thank you! Order {{ data.order }} has {{ data.items }} items.",
        )])?)
        .policy(Policy::new().on::<Sms>("order.placed"))
        .start()
        .await?;

    println!("an order that fails after its message was published:");
    let mut tx = pool.begin().await?;
    let (order, _) = place(&store, &signalbus, &mut tx, 0).await?;
    println!("  order {order} has no items: it is rolled back");
    tx.rollback().await?;

    println!("an order that goes through:");
    let mut tx = pool.begin().await?;
    let (order, wake) = place(&store, &signalbus, &mut tx, 3).await?;
    wake.after(tx.commit()).await?;
    println!("  order {order} is committed, and its message with it:");

    signalbus.idle().await;
    signalbus.shutdown().await;
    let orders: i64 = sqlx::query_scalar("SELECT count(*) FROM shop_order WHERE items = 0")
        .fetch_one(&pool)
        .await?;
    println!("orders without items in the table: {orders}");
    Ok(())
}

/// Writes the order and publishes its message, both in the transaction of the caller.
async fn place(
    store: &PostgresStore,
    signalbus: &Signalbus,
    tx: &mut Transaction<'static, Postgres>,
    items: i32,
) -> Result<(i64, Wake), Failure> {
    let order: i64 = sqlx::query_scalar("INSERT INTO shop_order (items) VALUES ($1) RETURNING id")
        .bind(items)
        .fetch_one(&mut **tx)
        .await?;
    let event = Event::new("order.placed", Idempotency::key(format!("order-{order}")))
        .to(Recipient::new().sms("+447700900123"))
        .data(serde_json::json!({ "order": order, "items": items }));
    let (_, wake) = store.publish_in(signalbus, tx, event).await?;
    Ok((order, wake))
}
