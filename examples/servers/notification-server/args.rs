use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use signalbus::http::api::Network;

/// A notification server over SQLite or Postgres.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Where to listen, such as 127.0.0.1:8080. Without it the program shows itself, and ends.
    #[arg(long, env = "SIGNALBUS_LISTEN")]
    pub(crate) listen: Option<SocketAddr>,
    /// The folder of the database, the secrets and the mails.
    #[arg(long, env = "SIGNALBUS_DATA", default_value = "notification-data")]
    pub(crate) data: PathBuf,
    /// A Postgres database in the place of the SQLite file, such as postgres://app@localhost/app.
    #[arg(long, env = "SIGNALBUS_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// A Redis server where all processes keep one limit together, such as redis://localhost:6379: how often each key
    /// may ask each route, and how much each provider is given. Without it each process keeps its own.
    #[arg(long, env = "SIGNALBUS_REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
    /// How many processes share those limits at most: what each holds while Redis is away.
    #[arg(long, env = "SIGNALBUS_PROCESSES", default_value_t = 1)]
    pub(crate) processes: u32,
    /// The proxies before it, as networks with commas between, such as 10.0.0.0/8: what they say in X-Forwarded-For is
    /// believed, and the log says which address each request came from.
    #[arg(long, env = "SIGNALBUS_PROXIES", value_delimiter = ',')]
    pub(crate) proxies: Vec<Network>,
    /// Whether mails of a tenant go out through the SMTP account that it has put there with PUT /v1/accounts: not at
    /// all; those of others go the usual way (own); or they are refused (required).
    #[arg(long, env = "SIGNALBUS_ACCOUNTS", value_enum, default_value_t)]
    pub(crate) accounts: Accounts,
    /// Networks that are not public where accounts may lead, too, with commas between. Whoever may put an account reaches
    /// every port there.
    #[arg(long, env = "SIGNALBUS_ACCOUNT_NETWORKS", value_delimiter = ',')]
    pub(crate) account_networks: Vec<Network>,
    /// The folder of the templates.
    #[arg(
        long,
        env = "SIGNALBUS_TEMPLATES",
        default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/templates")
    )]
    pub(crate) templates: PathBuf,
    /// Asks the server that listens there whether it is ready, and ends: 0 when it is.
    #[arg(long, requires = "listen")]
    pub(crate) health: bool,
}

/// Whether tenants send through accounts of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Accounts {
    /// They do not.
    #[default]
    Off,
    /// Those that have one.
    Own,
    /// All of them, or not at all.
    Required,
}
