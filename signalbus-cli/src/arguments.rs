//! What can be typed.

use std::{net::IpAddr, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use signalbus::{
    ChannelName, DeliveryId, EventId, ProviderName, TenantId, Timestamp, Topic,
    channel::email::EmailAddress,
    directory::keys::Scope,
    store::{EndState, State},
};

use crate::moment::{moment, span};

/// Looks after a Signalbus installation.
///
/// Nothing is changed without --yes: a command that would change something says what it would do.
#[derive(Debug, Parser)]
#[command(name = "signalbus", version, max_term_width = 80)]
pub(crate) struct Arguments {
    /// The store: sqlite:PATH or postgres://user@host/database
    #[arg(long, global = true, env = "SIGNALBUS_STORE", hide_env_values = true)]
    pub(crate) store: Option<Hidden>,
    /// Answer with one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make or update the tables of the store
    Migrate(Consent),
    /// Say that the tables were restored from a backup: pause everything, and count what is open and due as
    /// possibly sent. A restored dump of Postgres is found out by itself; stop all engines first
    Restored(Consent),
    /// Look for what is wrong: settings, store, clock, schema, and DNS of senders
    Doctor(Doctor),
    /// Whether the store is reachable and its work is done in time; see the exit code
    Health(Health),
    /// What happened to a delivery, and why
    Explain {
        /// The delivery
        delivery: DeliveryId,
        /// Whose it is
        #[arg(long, default_value = "default")]
        tenant: TenantId,
    },
    /// One event with its deliveries; never its content
    Event {
        /// The event
        event: EventId,
        /// Whose it is
        #[arg(long, default_value = "default")]
        tenant: TenantId,
    },
    /// Deliveries that match, oldest first
    List {
        /// Only in this state
        #[arg(long, value_parser = state)]
        state: Option<State>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        page: Page,
    },
    /// Deliveries that died, oldest first
    DeadLetters {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        page: Page,
    },
    /// How many deliveries are in which state, and why
    Tally {
        /// Only in this state
        #[arg(long, value_parser = state)]
        state: Option<State>,
        #[command(flatten)]
        filter: Filter,
    },
    /// Send again what ended without being sent
    Redrive(Redrive),
    /// Call off what was not sent yet
    Cancel {
        #[command(subcommand)]
        what: Cancel,
    },
    /// Show the messages that an event would give
    Render(Render),
    /// What is held back, and letting it go
    Pauses {
        #[command(subcommand)]
        what: Pauses,
    },
    /// The keys of the API over HTTP
    Keys {
        #[command(subcommand)]
        what: Keys,
    },
    /// Addresses that nothing is sent to
    Suppressions {
        #[command(subcommand)]
        what: Suppressions,
    },
}

/// What every change needs.
#[derive(Debug, Args)]
pub(crate) struct Consent {
    /// Who asks: kept in the history, where there is one
    #[arg(long, env = "SIGNALBUS_ACTOR")]
    pub(crate) actor: Option<String>,
    /// Say what would be done, and do nothing: so it is unless --yes is given
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Also read this folder of templates
    #[arg(long)]
    pub(crate) templates: Option<PathBuf>,
    /// Also look at the DNS of this sender
    #[arg(long)]
    pub(crate) from: Option<EmailAddress>,
    /// Where its bounces go, if not to the sender
    #[arg(long, requires = "from")]
    pub(crate) envelope: Option<EmailAddress>,
    /// A key that signs its mails: DOMAIN:SELECTOR:FILE, may be repeated
    #[arg(long, requires = "from", value_name = "DOMAIN:SELECTOR:FILE")]
    pub(crate) dkim: Vec<String>,
    /// An address that its mails leave from, may be repeated
    #[arg(long, requires = "from")]
    pub(crate) host: Vec<IpAddr>,
    /// Ask this name server, as 192.0.2.53:53
    #[arg(long, requires = "from")]
    pub(crate) name_server: Option<SocketAddr>,
    /// Also ask whether a server answers, as broker.internal:9092, and what it is, as redis://HOST:PORT or
    /// kafka://HOST:PORT; may be repeated
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) server: Vec<String>,
    /// How far the clock of a database may be from this one
    #[arg(long, default_value = "5s", value_parser = span)]
    pub(crate) max_skew: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// How long a delivery may have been due
    #[arg(long, default_value = "5m", value_parser = span)]
    pub(crate) max_age: Duration,
    /// How many dead deliveries are still healthy
    #[arg(long)]
    pub(crate) max_dead: Option<u64>,
}

/// Which deliveries.
#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// Only of this tenant
    #[arg(long)]
    pub(crate) tenant: Option<TenantId>,
    /// Only on this channel
    #[arg(long)]
    pub(crate) channel: Option<ChannelName>,
    /// Only of this topic
    #[arg(long)]
    pub(crate) topic: Option<Topic>,
    /// Only of this event
    #[arg(long)]
    pub(crate) event: Option<EventId>,
    /// Only ended for this reason, such as attempts_exhausted
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Only accepted since: a time, or how long ago
    #[arg(long, value_parser = moment)]
    pub(crate) since: Option<Timestamp>,
    /// Only accepted before: a time, or how long ago
    #[arg(long, value_parser = moment)]
    pub(crate) before: Option<Timestamp>,
}

/// Which page.
#[derive(Debug, Args)]
pub(crate) struct Page {
    /// At most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    /// The next page, as the last one called it
    #[arg(long)]
    pub(crate) after: Option<i64>,
}

#[derive(Debug, Args)]
pub(crate) struct Redrive {
    /// These deliveries; with @GENERATION only in that generation
    #[arg(value_name = "DELIVERY[@GENERATION]")]
    pub(crate) deliveries: Vec<String>,
    /// All that match, and can be redriven; name at least the state
    #[arg(long, value_parser = state, conflicts_with = "deliveries")]
    pub(crate) state: Option<State>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// At most this many
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    /// The time between two of them
    #[arg(long, default_value = "0s", value_parser = span)]
    pub(crate) spacing: Duration,
    /// Send each message as it was last rendered, not with the templates of today
    #[arg(long)]
    pub(crate) frozen: bool,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cancel {
    /// All deliveries of an event
    Event {
        /// The event
        event: EventId,
        /// Whose it is
        #[arg(long, default_value = "default")]
        tenant: TenantId,
        #[command(flatten)]
        consent: Consent,
    },
    /// One delivery
    Delivery {
        /// The delivery
        delivery: DeliveryId,
        /// Whose it is
        #[arg(long, default_value = "default")]
        tenant: TenantId,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Render {
    /// The folder of templates
    #[arg(long)]
    pub(crate) templates: PathBuf,
    /// The event as JSON; - reads it from standard input
    #[arg(long)]
    pub(crate) event: PathBuf,
    /// Only this channel, may be repeated; otherwise each that a recipient has an address for
    #[arg(long)]
    pub(crate) channel: Vec<Known>,
    /// The template, if it is not named after the topic
    #[arg(long)]
    pub(crate) template: Option<String>,
}

/// The channels that this program knows the parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Known {
    Email,
    Sms,
}

/// Whose keys.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Whose {
    /// Those of this tenant
    #[arg(long)]
    pub(crate) tenant: Option<TenantId>,
    /// Those of the host, which reach all tenants
    #[arg(long)]
    pub(crate) host: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Which there are, and what they may do; never the keys themselves
    List {
        #[command(flatten)]
        whose: Whose,
        /// At most this many
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
        /// The next page, as the last one called it
        #[arg(long)]
        after: Option<String>,
    },
    /// Make a key; it goes into a file and nowhere else
    Issue(Issue),
    /// Make a key in the place of another, which ends after a while
    Rotate(Rotate),
    /// Refuse a key from now on
    Revoke {
        /// Its id, as the list shows it
        id: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Issue {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// What it is for
    #[arg(long)]
    pub(crate) label: String,
    /// What it may do, may be repeated: publish, read, operate, admin, receipts
    #[arg(long, required = true, value_parser = scope)]
    pub(crate) scope: Vec<Scope>,
    /// How long it is good; for ever unless set
    #[arg(long, value_parser = span)]
    pub(crate) expires_in: Option<Duration>,
    /// The file with the pepper of the API, 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    pub(crate) pepper: PathBuf,
    /// The new file that the key goes into
    #[arg(long, value_name = "FILE")]
    pub(crate) into: PathBuf,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Its id, as the list shows it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// How long the old one is still good
    #[arg(long, default_value = "1d", value_parser = span)]
    pub(crate) overlap: Duration,
    /// The file with the pepper of the API, 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    pub(crate) pepper: PathBuf,
    /// The new file that the key goes into
    #[arg(long, value_name = "FILE")]
    pub(crate) into: PathBuf,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Suppressions {
    /// Whether something may be sent to an address, and why not
    Lookup(Listed),
    /// Put an address on the list
    Add {
        #[command(flatten)]
        entry: Listed,
        /// Why
        #[arg(long, default_value = "manual")]
        cause: String,
        /// On the list of all tenants
        #[arg(long)]
        all_tenants: bool,
        #[command(flatten)]
        consent: Consent,
    },
    /// Take an entry off the list
    Remove {
        #[command(flatten)]
        entry: Listed,
        /// Only if it is there for this cause
        #[arg(long)]
        cause: Option<String>,
        /// From the list of all tenants
        #[arg(long)]
        all_tenants: bool,
        #[command(flatten)]
        consent: Consent,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Pauses {
    /// All that stand, oldest first
    List,
    /// Hold back what waits and what comes; what was claimed before goes out
    Begin {
        #[command(flatten)]
        what: Held,
        /// Why: the history of what is held shows it
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        consent: Consent,
    },
    /// Let what was held be sent again
    End {
        #[command(flatten)]
        what: Held,
        #[command(flatten)]
        consent: Consent,
    },
}

/// What a pause narrows itself to; everything when nothing is said.
#[derive(Debug, Args)]
pub(crate) struct Held {
    /// Only of this tenant
    #[arg(long)]
    pub(crate) tenant: Option<TenantId>,
    /// Only of this topic
    #[arg(long)]
    pub(crate) topic: Option<Topic>,
    /// Only on this channel
    #[arg(long)]
    pub(crate) channel: Option<ChannelName>,
    /// Only this provider is not used
    #[arg(long, conflicts_with_all = ["tenant", "topic"])]
    pub(crate) provider: Option<ProviderName>,
}

/// An address on a channel, and what of it is meant.
#[derive(Debug, Args)]
pub(crate) struct Listed {
    /// The address; - reads it from standard input, away from the list of processes
    #[arg(allow_hyphen_values = true)]
    pub(crate) address: Hidden,
    /// On which channel
    #[arg(long)]
    pub(crate) channel: ChannelName,
    /// Whose list
    #[arg(long, default_value = "default")]
    pub(crate) tenant: TenantId,
    /// Only what this sender sends
    #[arg(long)]
    pub(crate) sender: Option<String>,
    /// Only messages of this category
    #[arg(long)]
    pub(crate) category: Option<String>,
}

/// An address, or a store with its password, as it was typed. Never shown: so it is read by us and
/// not by clap, whose errors repeat what was typed.
#[derive(Clone)]
pub(crate) struct Hidden(pub(crate) String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

impl From<String> for Hidden {
    fn from(typed: String) -> Self {
        Self(typed)
    }
}

/// A scope by its word.
fn scope(text: &str) -> Result<Scope, String> {
    let found = Scope::ALL.into_iter().find(|scope| scope.as_str() == text);
    found.ok_or_else(|| {
        let words = Scope::ALL.map(Scope::as_str).join(", ");
        format!("a scope is one of {words}")
    })
}

/// A state by its name in tables.
fn state(text: &str) -> Result<State, String> {
    let ended = EndState::ALL.into_iter().map(State::Ended);
    let mut all = [State::Waiting, State::Held, State::Sending]
        .into_iter()
        .chain(ended);
    all.find(|state| state.as_str() == text).ok_or_else(|| {
        let names = EndState::ALL.map(EndState::as_str).join(", ");
        format!("a state is one of waiting, held, sending, {names}")
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Arguments::command().debug_assert();
    }
}
