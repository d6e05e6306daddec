//! `signalbus doctor`: everything is looked at, and what is wrong says what to do.

use std::fs;

use serde_json::json;
use signalbus::{
    Clock, SystemClock, Templates,
    smtp::{DkimKey, Level, Sender, doctor},
    store::{Flush, StoreErrorKind},
};

use crate::{
    answer::{Answer, BAD, GOOD},
    arguments::Doctor,
    failure::Failure,
    moment,
    names::Names,
    target::Target,
    visible::Visible,
};

use super::reach::reach;

/// What was found.
struct Findings(Vec<(Level, &'static str, String)>);

impl Findings {
    fn add(&mut self, level: Level, about: &'static str, text: impl Into<String>) {
        self.0.push((level, about, text.into()));
    }
}

pub(super) async fn run(target: Option<&Target>, typed: &Doctor) -> Result<Answer, Failure> {
    let nothing = typed.from.is_none() && typed.templates.is_none() && typed.server.is_empty();
    if target.is_none() && nothing {
        let hint = "name what to look at: --store, --templates, --server or --from";
        return Err(Failure::Usage(hint.to_owned()));
    }
    let mut findings = Findings(Vec::new());
    let version = format!("signalbus {}", env!("CARGO_PKG_VERSION"));
    findings.add(Level::Good, "version", version);
    if let Some(target) = target {
        store(target, typed, &mut findings).await;
    }
    if let Some(folder) = &typed.templates {
        match Templates::dir(folder) {
            Ok(templates) => {
                let count = templates.names().count();
                findings.add(
                    Level::Good,
                    "templates",
                    format!("{count} templates compile"),
                );
            }
            Err(error) => {
                let failure = Failure::input("the templates cannot be used", error);
                findings.add(Level::Problem, "templates", plain(&failure));
            }
        }
    }
    for server in &typed.server {
        let (level, text) = reach(server).await?;
        findings.add(level, "server", text);
    }
    if typed.from.is_some() {
        sender(typed, &mut findings).await?;
    }
    Ok(answer(&findings))
}

async fn store(target: &Target, typed: &Doctor, findings: &mut Findings) {
    let schema = match target.schema().await {
        Ok(schema) => schema,
        Err(error) => {
            return findings.add(Level::Problem, "store", plain(&Failure::from(error)));
        }
    };
    match target.server().await {
        Ok(version) => findings.add(Level::Good, "version", version),
        Err(error) => findings.add(Level::Problem, "version", plain(&Failure::from(error))),
    }
    let known = schema.known;
    match schema.found {
        None => findings.add(
            Level::Problem,
            "schema",
            "there are no tables: run signalbus migrate",
        ),
        Some(found) if schema.current => {
            findings.add(
                Level::Good,
                "schema",
                format!("version {found}, as this program makes"),
            );
        }
        Some(found) if found < known => findings.add(
            Level::Problem,
            "schema",
            format!("version {found}, older than {known}: run signalbus migrate"),
        ),
        Some(found) => findings.add(
            Level::Problem,
            "schema",
            format!("version {found}, newer than {known}: update this program"),
        ),
    }
    if !schema.current {
        return;
    }
    let clock = SystemClock::new();
    let opened = match target.look().await {
        Ok(opened) => opened,
        Err(error) => {
            return findings.add(Level::Problem, "store", plain(&Failure::from(error)));
        }
    };
    findings.add(Level::Good, "store", "it can be read");
    if target.has_a_clock() {
        let before = clock.now();
        match opened.flush(&[], &Flush::default()).await {
            Ok(flushed) => {
                let after = clock.now();
                // What lies between question and answer is no skew.
                let early = before.duration_since(flushed.now).as_millis();
                let late = flushed.now.duration_since(after).as_millis();
                let skew = early.max(late).max(0).unsigned_abs();
                let (level, hint) = if skew > typed.max_skew.as_millis() {
                    (Level::Problem, ": set both clocks by NTP")
                } else {
                    (Level::Good, "")
                };
                let text = format!("{skew} ms from the clock of the database{hint}");
                findings.add(level, "clock", text);
            }
            Err(error) => findings.add(Level::Problem, "clock", plain(&Failure::from(error))),
        }
    } else {
        match target.change().await {
            Ok(_) => findings.add(Level::Good, "lock", "no process has the file open"),
            Err(error) if error.kind() == StoreErrorKind::InUse => {
                let text = "a process has the file open: changes have to wait until it stops";
                findings.add(Level::Good, "lock", text);
            }
            Err(error) => findings.add(Level::Problem, "lock", plain(&Failure::from(error))),
        }
    }
    overdue(&*opened, findings).await;
    paused(&*opened, findings).await;
}

/// Whether sending is held back, and why: a restored copy of the tables starts so.
async fn paused(store: &dyn signalbus::Store, findings: &mut Findings) {
    match store.pauses().await {
        Ok(pauses) => {
            for pause in pauses {
                let since = moment::age(pause.since, moment::now());
                let text = format!(
                    "{} is held back for {since} by {}: {}",
                    pause.what, pause.actor, pause.reason
                );
                findings.add(Level::Warning, "pause", text);
            }
        }
        Err(error) => findings.add(Level::Problem, "pause", plain(&Failure::from(error))),
    }
}

/// Whether anybody works.
async fn overdue(store: &dyn signalbus::Store, findings: &mut Findings) {
    let waiting = signalbus::store::DeliveryFilter::new().state(signalbus::store::State::Waiting);
    match store.tally(&waiting).await {
        Ok(tallies) => {
            let oldest = tallies.iter().filter_map(|tally| tally.oldest).min();
            let now = moment::now();
            match oldest.filter(|at| *at < now) {
                Some(at) if now.duration_since(at).as_secs() > 300 => {
                    let age = moment::age(at, now);
                    let text = format!("the oldest has been due for {age}: is an engine running?");
                    findings.add(Level::Warning, "work", text);
                }
                _ => findings.add(Level::Good, "work", "nothing is overdue"),
            }
        }
        Err(error) => findings.add(Level::Problem, "work", plain(&Failure::from(error))),
    }
}

async fn sender(typed: &Doctor, findings: &mut Findings) -> Result<(), Failure> {
    let Some(from) = typed.from.clone() else {
        return Ok(());
    };
    let mut sender = Sender::new(from);
    if let Some(envelope) = typed.envelope.clone() {
        sender = sender.envelope(envelope);
    }
    for host in &typed.host {
        sender = sender.host(*host);
    }
    for key in &typed.dkim {
        let mut words = key.splitn(3, ':');
        let (Some(domain), Some(selector), Some(file)) = (words.next(), words.next(), words.next())
        else {
            let hint = "a key is DOMAIN:SELECTOR:FILE, as in acme.example:s1:key.pem";
            return Err(Failure::Usage(hint.to_owned()));
        };
        let pem = fs::read_to_string(file).map_err(|source| Failure::File {
            what: format!("{file} cannot be read"),
            source,
        })?;
        match DkimKey::new(domain, selector, pem) {
            Ok(key) => sender = sender.key(key),
            Err(error) => {
                let failure = Failure::input(format!("the key in {file} cannot be used"), error);
                findings.add(Level::Problem, "DKIM", plain(&failure));
            }
        }
    }
    let names = Names::new(typed.name_server)?;
    for finding in doctor(&names, &sender).await.findings() {
        // It says the level and the topic itself.
        let line = finding.to_string();
        let text = line.splitn(3, ": ").nth(2).unwrap_or(&line);
        findings.add(finding.level, topic(finding.topic), text);
    }
    Ok(())
}

fn topic(topic: signalbus::smtp::Topic) -> &'static str {
    match topic {
        signalbus::smtp::Topic::Spf => "SPF",
        signalbus::smtp::Topic::Dkim => "DKIM",
        signalbus::smtp::Topic::Dmarc => "DMARC",
        signalbus::smtp::Topic::Alignment => "alignment",
        _ => "DNS",
    }
}

/// A failure without the word before it.
fn plain(failure: &Failure) -> String {
    failure.text().trim_start_matches("error: ").to_owned()
}

fn answer(findings: &Findings) -> Answer {
    let word = |level: Level| match level {
        Level::Good => "good",
        Level::Warning => "warning",
        Level::Problem => "problem",
    };
    let healthy = findings
        .0
        .iter()
        .all(|(level, ..)| *level != Level::Problem);
    let mut text = String::new();
    for (level, about, what) in &findings.0 {
        text.push_str(&format!("{}: {about}: {}\n", word(*level), Visible(what)));
    }
    let findings: Vec<_> = findings
        .0
        .iter()
        .map(|(level, about, what)| json!({ "level": word(*level), "about": about, "text": what }))
        .collect();
    Answer {
        text,
        json: json!({ "healthy": healthy, "findings": findings }),
        code: if healthy { GOOD } else { BAD },
    }
}
