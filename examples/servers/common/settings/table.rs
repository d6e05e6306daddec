/// A setting that one of the programs takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the file; in the environment it is in capitals, behind `SIGNALBUS_`.
    pub name: &'static str,
    /// What it is there for.
    pub what: &'static str,
    /// Whether it must be there, and whether it may be shown.
    pub kind: Kind,
}

/// Whether a setting must be there, and whether it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Has a default.
    Default(&'static str),
    /// Is shown to nobody, and may also be read from the file that `SIGNALBUS_…_FILE` names.
    Secret {
        /// Whether nothing goes without it.
        required: bool,
    },
}

impl Setting {
    /// What it is called in the environment.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("SIGNALBUS_{}", self.name.to_uppercase())
    }

    /// Whether its value is shown to nobody.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret { .. })
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $constant:ident = $name:literal, $kind:expr, $what:literal;)+) => {
        /// Every setting by its name.
        pub mod names {
            use super::{Kind, Setting};
            $(
                $(#[$doc])*
                #[doc = $what]
                pub const $constant: Setting = Setting { name: $name, what: $what, kind: $kind };
            )+
        }

        /// Every setting of every program: another name is a problem.
        pub const ALL: &[Setting] = &[$(names::$constant),+];
    };
}

const SECRET: Kind = Kind::Secret { required: true };
const OPTIONAL: Kind = Kind::Secret { required: false };

settings! {
    LISTEN = "listen", Kind::Default("127.0.0.1:8080"), "where health, metrics and the API are served";
    LOG = "log", Kind::Default("info"), "how much is logged: error, warn, info, debug";
    LOG_FORMAT = "log_format", Kind::Default("text"), "how lines of the log look: text, or json";
    OTLP_URL = "otlp_url", Kind::Default(""), "where spans go over OTLP/HTTP, as http://collector:4318/v1/traces; nowhere when empty";
    KAFKA_URL = "kafka_url", super::SECRET, "the brokers: kafka://user:password@host:9092,host2:9092";
    REDIS_URL = "redis_url", super::OPTIONAL, "a Redis server in place of the brokers: redis://user:password@host:6379";
    SIGNUP_TOPIC = "signup_topic", Kind::Default("user_signup"), "the topic of `POST /notify/signup`";
    NOTIFY_TOPIC = "notify_topic", Kind::Default("notifications"), "the topic of `POST /notify`";
    TOPICS = "topics", Kind::Default("notifications.email,notifications.sms"), "further topics that `POST /publish/{topic}` may name and workers read";
    API_KEY = "api_key", super::SECRET, "what callers of the API show as `Authorization: Bearer …`";
    API_RATE = "api_rate", Kind::Default("6000"), "how often in a minute each route of the API may be asked, a sixth of it at once";
    API_PROCESSES = "api_processes", Kind::Default("2"), "how many processes of the API there are at most: while `limits_url` is away each holds its share";
    LIMITS_URL = "limits_url", super::OPTIONAL, "a Redis server where all processes of the API keep one limit; without it each has its own";
    DATABASE_URL = "database_url", super::SECRET, "the Postgres database of the workers, the same for all";
    GROUP = "group", Kind::Default("notifications"), "the group of consumers, the same for all workers";
    START = "start", Kind::Default("earliest"), "where the group starts that has read nothing yet: earliest, latest, or a time like 2026-11-30T12:00:00Z";
    WHEN_GONE = "when_gone", Kind::Default("earliest"), "where to go on when what should be read next was deleted: earliest, latest, or stop";
    DEAD_LETTERS = "dead_letters", Kind::Default(""), "the topic that also gets what nothing can be made of; none when empty";
    TEMPLATES = "templates", Kind::Default(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")), "the folder of the templates";
    MAIL_FROM = "mail_from", Kind::Default("Signalbus <hello@signalbus.example>"), "the sender of mails";
    MAILGUN_URL = "mailgun_url", super::OPTIONAL, "the account at Mailgun; without it and `smtp_url` mails go to a fake";
    SMTP_URL = "smtp_url", super::OPTIONAL, "the account at a mail server: alone, or for when Mailgun is away";
    TWILIO_URL = "twilio_url", super::OPTIONAL, "the account at Twilio; without it texts go to a fake";
}
