use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, sync::Arc};

use signalbus::{
    Limiter, Timestamp, Topic, WhenGone,
    bus::Start,
    channel::Email,
    limit::LocalShare,
    mailgun::{Mailgun, MailgunConfig},
    postgres::{PostgresBuilder, PostgresStore},
    redis::{RedisConfig, RedisLimiter},
    smtp::{SmtpConfig, SmtpProvider},
    twilio::{Twilio, TwilioConfig},
};
use tracing_subscriber::filter::LevelFilter;

use super::{
    Program,
    any_bus::AnyBus,
    settings::{Problems, Reader, Setting, Shown, Sources, names},
    telemetry::{LogFormat, Telemetry},
};

/// The settings of a program, checked and made into what they stand for.
pub(super) struct Configured {
    pub(super) telemetry: Telemetry,
    pub(super) common: Common,
    pub(super) own: Own,
    pub(super) shown: Vec<Shown>,
}

/// What each program has.
pub(super) struct Common {
    pub(super) listen: SocketAddr,
    pub(super) bus: AnyBus,
    pub(super) topics: Topics,
}

/// The topics on Kafka.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    pub(super) signup: Topic,
    pub(super) notify: Topic,
    pub(super) others: Vec<Topic>,
}

impl Topics {
    /// All of them, each once.
    pub(super) fn all(&self) -> Vec<Topic> {
        let mut all = vec![self.signup.clone(), self.notify.clone()];
        all.extend(self.others.iter().cloned());
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What only some have.
pub(super) enum Own {
    Api(ApiOwn),
    Worker(Box<WorkerOwn>),
}

pub(super) struct ApiOwn {
    pub(super) key: String,
    /// None where this process keeps its limits by itself.
    pub(super) limiter: Option<Arc<dyn Limiter>>,
    pub(super) per_minute: u32,
}

pub(super) struct WorkerOwn {
    pub(super) database: PostgresBuilder,
    pub(super) group: String,
    pub(super) start: Start,
    pub(super) when_gone: WhenGone,
    pub(super) dead_letters: Option<Topic>,
    pub(super) templates: PathBuf,
    pub(super) email: Email,
    pub(super) mailgun: Option<Mailgun>,
    pub(super) smtp: Option<SmtpProvider>,
    pub(super) twilio: Option<Twilio>,
}

impl Configured {
    /// # Errors
    /// All that is wrong.
    pub(super) fn read(program: Program, sources: &Sources) -> Result<Self, Problems> {
        let mut reader = Reader::new(sources);
        let telemetry = read_telemetry(&mut reader);
        let listen = reader.parsed(&names::LISTEN);
        let bus = AnyBus::read(&mut reader, program);
        let topics = read_topics(&mut reader);
        let own = match program {
            Program::Api => read_api(&mut reader).map(Own::Api),
            Program::Email | Program::Sms => {
                read_worker(&mut reader, program).map(|own| Own::Worker(Box::new(own)))
            }
        };
        let shown = reader.finish()?;
        // What is not there has been complained of.
        let nothing = || Problems(Vec::new());
        Ok(Self {
            telemetry: telemetry.ok_or_else(nothing)?,
            common: Common {
                listen: listen.ok_or_else(nothing)?,
                bus: bus.ok_or_else(nothing)?,
                topics: topics.ok_or_else(nothing)?,
            },
            own: own.ok_or_else(nothing)?,
            shown,
        })
    }
}

fn read_topics(reader: &mut Reader<'_>) -> Option<Topics> {
    let signup = topic(reader, &names::SIGNUP_TOPIC);
    let notify = topic(reader, &names::NOTIFY_TOPIC);
    let mut others = Vec::new();
    for name in reader.list(&names::TOPICS) {
        match Topic::new(name.as_str()) {
            Ok(topic) => others.push(topic),
            Err(error) => reader.complain(&names::TOPICS, &error.to_string()),
        }
    }
    Some(Topics {
        signup: signup?,
        notify: notify?,
        others,
    })
}

fn topic(reader: &mut Reader<'_>, setting: &Setting) -> Option<Topic> {
    reader.read(setting, |name| Topic::new(name))
}

fn read_api(reader: &mut Reader<'_>) -> Option<ApiOwn> {
    let key = reader.secret(&names::API_KEY);
    let per_minute = reader.parsed::<NonZeroU32>(&names::API_RATE);
    let processes = reader.parsed::<NonZeroU32>(&names::API_PROCESSES);
    let limits = reader.url(&names::LIMITS_URL, RedisConfig::from_url);
    let processes = processes?.get();
    let limiter = limits.map(|config| {
        let limiter = LocalShare::new(RedisLimiter::open(config), processes);
        Arc::new(limiter) as Arc<dyn Limiter>
    });
    Some(ApiOwn {
        key: key?,
        limiter,
        per_minute: per_minute?.get(),
    })
}

/// Each worker takes the accounts of its own channel only.
fn read_worker(reader: &mut Reader<'_>, program: Program) -> Option<WorkerOwn> {
    let database = reader.url(&names::DATABASE_URL, PostgresStore::from_url);
    let group = reader.parsed::<String>(&names::GROUP);
    let start = reader.read(&names::START, start);
    let when_gone = reader.read(&names::WHEN_GONE, when_gone);
    let dead_letters = reader.read(&names::DEAD_LETTERS, |name| {
        (!name.is_empty()).then(|| Topic::new(name)).transpose()
    });
    let templates = reader.parsed::<PathBuf>(&names::TEMPLATES);
    let email = reader.read(&names::MAIL_FROM, Email::from);
    let (mut mailgun, mut smtp, mut twilio) = (None, None, None);
    if program == Program::Email {
        mailgun = reader.url(&names::MAILGUN_URL, |url| {
            MailgunConfig::from_url(url).and_then(Mailgun::new)
        });
        smtp = reader.url(&names::SMTP_URL, |url| {
            SmtpConfig::from_url(url).and_then(SmtpProvider::new)
        });
    } else {
        twilio = reader.url(&names::TWILIO_URL, |url| {
            TwilioConfig::from_url(url).and_then(Twilio::new)
        });
    }
    Some(WorkerOwn {
        database: database?,
        group: group?,
        start: start?,
        when_gone: when_gone?,
        dead_letters: dead_letters?,
        templates: templates?,
        email: email?,
        mailgun,
        smtp,
        twilio,
    })
}

fn read_telemetry(reader: &mut Reader<'_>) -> Option<Telemetry> {
    let log = reader.read(&names::LOG, log_level);
    let format = reader.parsed::<LogFormat>(&names::LOG_FORMAT);
    let otlp = reader.read(&names::OTLP_URL, |url| match url {
        "" => Ok(None),
        _ if url.starts_with("http://") || url.starts_with("https://") => Ok(Some(url.to_owned())),
        _ => Err("is no URL of HTTP, as http://collector:4318/v1/traces"),
    });
    Some(Telemetry {
        log: log?,
        format: format?,
        otlp: otlp?,
    })
}

fn start(word: &str) -> Result<Start, &'static str> {
    match word {
        "earliest" => Ok(Start::Earliest),
        "latest" => Ok(Start::Latest),
        _ => {
            let time = word.parse::<Timestamp>().map(Start::At);
            time.map_err(|_| "is none of earliest, latest and a time like 2026-11-30T12:00:00Z")
        }
    }
}

fn when_gone(word: &str) -> Result<WhenGone, &'static str> {
    match word {
        "earliest" => Ok(WhenGone::Earliest),
        "latest" => Ok(WhenGone::Latest),
        "stop" => Ok(WhenGone::Stop),
        _ => Err("is none of earliest, latest and stop"),
    }
}

fn log_level(name: &str) -> Result<LevelFilter, &'static str> {
    match name {
        "error" => Ok(LevelFilter::ERROR),
        "warn" => Ok(LevelFilter::WARN),
        "info" => Ok(LevelFilter::INFO),
        "debug" => Ok(LevelFilter::DEBUG),
        _ => Err("is none of error, warn, info and debug"),
    }
}
