//! `signalbus-load`: an engine under load that exports its metrics, to look at dashboards and rules with.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use clap::Parser;
use signalbus::{Store, postgres::PostgresStore, sqlite::SqliteStore};
use signalbus_deploy::{exporter, load::Load};

/// An engine under load that exports its metrics.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where `/metrics` is; port 0 takes a free one, and the first line of the output says which
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
    /// A `postgres://` URL, or the path of a SQLite file
    #[arg(long)]
    store: String,
    /// How many events each second
    #[arg(long, default_value_t = 50)]
    rate: u64,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = Arguments::parse();
    let handle = exporter::builder()?.install_recorder()?;
    let store: Arc<dyn Store> = if arguments.store.starts_with("postgres") {
        Arc::new(PostgresStore::open(&arguments.store).await?)
    } else {
        Arc::new(SqliteStore::open(&arguments.store).await?)
    };
    let load = Load::start(store)?;
    let listener = tokio::net::TcpListener::bind(arguments.listen).await?;
    println!("http://{}/metrics", listener.local_addr()?);
    tokio::spawn(exporter::keep_up(handle.clone()));
    let server = axum::serve(listener, exporter::router(handle));
    tokio::spawn(server.into_future());
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = tick.tick() => load.round(arguments.rate.div_ceil(10)).await?,
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    load.signalbus().shutdown().await;
    Ok(())
}
