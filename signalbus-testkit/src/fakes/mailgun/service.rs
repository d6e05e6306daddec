use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use signalbus_core::Clock;

use super::{File, Mail, events};
use crate::fakes::{
    Act,
    act::Script,
    multipart,
    server::{Reply, Service},
    wire::Received,
};

/// The service behind the server.
#[derive(Debug)]
pub(super) struct Mailgun {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) script: Script,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) url: String,
    /// Sending and reading key of each domain.
    pub(super) domains: BTreeMap<String, (String, String)>,
    pub(super) mails: Vec<Mail>,
    pub(super) events: Vec<Value>,
    pub(super) requests: usize,
    pub(super) questions: usize,
    pub(super) page_size: usize,
    pub(super) late: bool,
    pub(super) counter: u64,
}

impl Mailgun {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            script: Script::default(),
            state: Mutex::new(State {
                url: String::new(),
                domains: BTreeMap::new(),
                mails: Vec::new(),
                events: Vec::new(),
                requests: 0,
                questions: 0,
                page_size: 300,
                late: false,
                counter: 0,
            }),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, request: &Received, domain: &str, is_mime: bool) -> Reply {
        let mut state = self.lock();
        let key = match state.sending_key(request, domain) {
            Ok(key) => key,
            Err(reply) => return reply,
        };
        let content_type = request.header("content-type").unwrap_or_default();
        let Some(parts) = multipart::parse(content_type, &request.body) else {
            return refusal(400, "malformed multipart/form-data request");
        };
        let (mut fields, mut files) = (Vec::new(), Vec::new());
        for part in parts {
            match part.file_name {
                Some(file_name) => files.push(File {
                    field: part.name,
                    file_name,
                    content_type: part.content_type.unwrap_or_default(),
                    content: part.content,
                }),
                None => {
                    let value = String::from_utf8_lossy(&part.content).into_owned();
                    fields.push((part.name, value));
                }
            }
        }
        state.counter += 1;
        let mut mail = Mail {
            domain: domain.to_owned(),
            is_mime,
            id: format!("fake.{}@{domain}", state.counter),
            key,
            taken_at: self.clock.now(),
            fields,
            files,
        };
        if let Some(reply) = wrong(&mail) {
            return reply;
        }
        if let Some(own) = mail.field("h:Message-Id") {
            mail.id = own.trim_matches(['<', '>']).to_owned();
        }
        let reply = json!({ "id": format!("<{}>", mail.id), "message": "Queued. Thank you." });
        if !state.late {
            let number = state.counter;
            let event = events::event(&mail, "accepted", mail.taken_at, number, &Value::Null);
            state.events.push(event);
        }
        state.mails.push(mail);
        Reply::json(200, &reply)
    }

    fn list(&self, request: &Received, domain: &str) -> Reply {
        let mut state = self.lock();
        state.questions += 1;
        if let Some(reply) = state.may_not_read(request, domain) {
            return reply;
        }
        let seconds = |name: &str| request.query_field(name).and_then(|text| text.parse().ok());
        let (begin, end) = (
            seconds("begin").unwrap_or(0.0),
            seconds("end").unwrap_or(f64::MAX),
        );
        let id = request.query_field("message-id");
        let wanted = |event: &&Value| {
            let at = event["timestamp"].as_f64().unwrap_or_default();
            let own = event["message"]["headers"]["message-id"].as_str();
            event["domain"]["name"] == domain
                && (begin..=end).contains(&at)
                && (id.is_none() || own == id.as_deref())
        };
        let start: usize = request
            .query_field("page")
            .and_then(|page| page.parse().ok())
            .unwrap_or(0);
        let events = state.events.iter().filter(wanted).skip(start);
        let page: Vec<&Value> = events.take(state.page_size).collect();
        let next: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(
                url::form_urlencoded::parse(request.query.as_bytes())
                    .filter(|(name, _)| name != "page"),
            )
            .append_pair("page", &(start + page.len()).to_string())
            .finish();
        let next = format!("{}{}?{next}", state.url, request.path);
        Reply::json(200, &json!({ "items": page, "paging": { "next": next } }))
    }

    fn logs(&self, request: &Received) -> Reply {
        let mut state = self.lock();
        state.questions += 1;
        let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let filter = &asked["filter"]["AND"][0];
        let domain = filter["values"][0]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if filter["attribute"] != "domain" || filter["comparator"] != "=" {
            return refusal(400, "the fake knows a filter by domain only");
        }
        if let Some(reply) = state.may_not_read(request, &domain) {
            return reply;
        }
        let date = |field: &str| {
            let text = asked[field].as_str()?;
            jiff::fmt::rfc2822::DateTimeParser::new()
                .parse_timestamp(text)
                .ok()
        };
        let (Some(begin), Some(end)) = (date("start"), date("end")) else {
            return refusal(400, "start and end must be dates");
        };
        let wanted = |event: &&Value| {
            let at = event["timestamp"].as_f64().unwrap_or_default();
            let within = Value::from(begin.as_second()).as_f64() <= Some(at)
                && Some(at) <= Value::from(end.as_second()).as_f64();
            event["domain"]["name"] == *domain && within
        };
        let token = asked["pagination"]["token"].as_str();
        let start: usize = token.and_then(|token| token.parse().ok()).unwrap_or(0);
        let page: Vec<Value> = state
            .events
            .iter()
            .filter(wanted)
            .skip(start)
            .take(state.page_size)
            .cloned()
            .map(dated)
            .collect();
        let next = (start + page.len()).to_string();
        Reply::json(
            200,
            &json!({ "items": page, "pagination": { "next": next } }),
        )
    }
}

/// The newer interface has a date in place of the seconds.
fn dated(mut event: Value) -> Value {
    let seconds = event["timestamp"].take().as_f64().unwrap_or_default();
    let at = jiff::SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    if let (Value::Object(fields), Some(at)) = (&mut event, at) {
        fields.remove("timestamp");
        fields.insert("@timestamp".to_owned(), at.to_string().into());
    }
    event
}

impl State {
    fn sending_key(&self, request: &Received, domain: &str) -> Result<String, Reply> {
        let Some((user, key)) = request.basic() else {
            return Err(forbidden());
        };
        if user != "api" {
            return Err(forbidden());
        }
        if self.domains.is_empty() {
            return Ok(key);
        }
        let known = self
            .domains
            .values()
            .any(|(sending, reading)| [sending, reading].into_iter().any(|known| *known == key));
        if !known {
            return Err(forbidden());
        }
        match self.domains.get(domain) {
            Some((sending, reading)) if *sending == key || *reading == key => Ok(key),
            _ => Err(refusal(404, &format!("Domain not found: {domain}"))),
        }
    }

    fn may_not_read(&self, request: &Received, domain: &str) -> Option<Reply> {
        let Some((_, key)) = request.basic() else {
            return Some(forbidden());
        };
        match self.domains.get(domain) {
            _ if self.domains.is_empty() => None,
            Some((_, reading)) if *reading == key => None,
            _ => Some(forbidden()),
        }
    }
}

impl Service for Mailgun {
    fn act(&self, head: &Received) -> Option<Act> {
        let is_send = matches!(
            head.segments().as_slice(),
            ["v3", _, "messages" | "messages.mime"]
        );
        if !is_send || head.method != "POST" {
            return None;
        }
        self.lock().requests += 1;
        Some(self.script.next())
    }

    fn answer(&self, request: Received) -> Reply {
        match (request.method.as_str(), request.segments().as_slice()) {
            ("POST", ["v3", domain, "messages"]) => self.send(&request, domain, false),
            ("POST", ["v3", domain, "messages.mime"]) => self.send(&request, domain, true),
            ("GET", ["v3", domain, "events"]) => self.list(&request, domain),
            ("POST", ["v1", "analytics", "logs"]) => self.logs(&request),
            _ => refusal(404, "Not Found"),
        }
    }
}

/// What Mailgun would refuse, in its words.
fn wrong(mail: &Mail) -> Option<Reply> {
    if mail.field("to").is_none() {
        return Some(refusal(400, "to parameter is missing"));
    }
    let options: usize = mail
        .fields
        .iter()
        .filter(|(name, _)| {
            ["o:", "h:", "v:"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
        })
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if options > 16 * 1024 {
        let text =
            "Send options (parameters starting with o:, h:, or v:) are limited to 16 kB total";
        return Some(refusal(400, text));
    }
    if mail.is_mime {
        let has_message = mail.files.iter().any(|file| file.field == "message");
        return (!has_message).then(|| refusal(400, "message parameter is missing"));
    }
    if mail.field("from").is_none() {
        return Some(refusal(400, "from parameter is missing"));
    }
    if mail.field("text").is_none() && mail.field("html").is_none() {
        let text = "Need at least one of 'text' or 'html' parameters specified";
        return Some(refusal(400, text));
    }
    None
}

fn refusal(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "message": message }))
}

fn forbidden() -> Reply {
    Reply::json(401, &json!("Forbidden"))
}
