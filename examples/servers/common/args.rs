use std::path::PathBuf;

use clap::Parser;

/// A server of the Kafka example. Without any setting it shows which there are.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// A TOML file with settings; those of the environment go before it.
    #[arg(long)]
    pub(super) config: Option<PathBuf>,
    /// Shows the settings that are in force, without secrets, and ends.
    #[arg(long)]
    pub(super) check: bool,
    /// Asks the server that runs with these settings whether it is ready, and ends: 0 when it is.
    #[arg(long, conflicts_with = "check")]
    pub(super) health: bool,
}
