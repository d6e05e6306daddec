use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use signalbus_core::Clock;

use super::{FakeTwilio, Text, magic};
use crate::fakes::{
    Act,
    act::Script,
    server::{Reply, Service},
    wire::Received,
};

/// The service behind the server.
#[derive(Debug)]
pub(super) struct Twilio {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) script: Script,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) texts: Vec<Text>,
    /// Sent by others through the same account.
    beside: Vec<Text>,
    pub(super) requests: usize,
    pub(super) tokens: usize,
    pub(super) oldest_token: usize,
    counter: u64,
}

impl Twilio {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            script: Script::default(),
            state: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn next_sid(&self) -> String {
        self.lock().next_sid()
    }

    pub(super) fn beside(&self, text: &Text) {
        let mut state = self.lock();
        let sid = state.next_sid();
        state.beside.push(Text {
            sid,
            ..text.clone()
        });
    }

    fn send(&self, request: &Received) -> Reply {
        let mut state = self.lock();
        let Some(auth) = state.auth(request) else {
            return refusal(401, 20003);
        };
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(&request.body)
            .into_owned()
            .collect();
        let mut text = Text {
            sid: String::new(),
            taken_at: self.clock.now(),
            auth,
            fields,
        };
        if let Some(code) = wrong(&text) {
            return refusal(400, code);
        }
        text.sid = state.next_sid();
        let reply = listed(&text, "queued");
        state.texts.push(text);
        Reply::json(201, &reply)
    }

    fn list(&self, request: &Received) -> Reply {
        let state = self.lock();
        if state.auth(request).is_none() {
            return refusal(401, 20003);
        }
        let to = request.query_field("To");
        let day = |name: &str| request.query_field(name);
        let (after, before) = (day("DateSent>"), day("DateSent<"));
        let wanted = |text: &&Text| {
            let sent = text.taken_at.strftime("%Y-%m-%d").to_string();
            text.field("To") == to.as_deref()
                && after.as_ref().is_none_or(|after| *after <= sent)
                && before.as_ref().is_none_or(|before| sent <= *before)
        };
        let texts = state.texts.iter().chain(&state.beside);
        let all: Vec<Value> = texts
            .filter(wanted)
            .map(|text| listed(text, "sent"))
            .collect();
        Reply::json(200, &json!({ "messages": all, "next_page_uri": null }))
    }

    fn token(&self, request: &Received) -> Reply {
        let field = |name: &str| {
            url::form_urlencoded::parse(&request.body)
                .find(|(other, _)| other == name)
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default()
        };
        let known = field("client_id") == FakeTwilio::CLIENT
            && field("client_secret") == FakeTwilio::CLIENT_SECRET
            && field("grant_type") == "client_credentials";
        if !known {
            return refusal(401, 20003);
        }
        let mut state = self.lock();
        state.tokens += 1;
        let token = format!("fake-token-{}", state.tokens);
        let granted = json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 });
        Reply::json(200, &granted)
    }
}

impl State {
    fn next_sid(&mut self) -> String {
        self.counter += 1;
        format!("SM{:032x}", self.counter)
    }

    fn auth(&self, request: &Received) -> Option<&'static str> {
        if let Some(token) = request.bearer() {
            let number: usize = token.strip_prefix("fake-token-")?.parse().ok()?;
            return (self.oldest_token..=self.tokens)
                .contains(&number)
                .then_some("oauth");
        }
        let (user, password) = request.basic()?;
        match (user.as_str(), password.as_str()) {
            (FakeTwilio::ACCOUNT, FakeTwilio::TOKEN) => Some("token"),
            (FakeTwilio::KEY, FakeTwilio::KEY_SECRET) => Some("key"),
            _ => None,
        }
    }
}

impl Service for Twilio {
    fn act(&self, head: &Received) -> Option<Act> {
        let is_send = matches!(
            head.segments().as_slice(),
            ["2010-04-01", "Accounts", _, "Messages.json"]
        );
        if !is_send || head.method != "POST" {
            return None;
        }
        self.lock().requests += 1;
        Some(self.script.next())
    }

    fn answer(&self, request: Received) -> Reply {
        match (request.method.as_str(), request.segments().as_slice()) {
            ("POST", ["v2", "token"]) => self.token(&request),
            (method, ["2010-04-01", "Accounts", account, "Messages.json"]) => {
                match (method, *account) {
                    ("POST", FakeTwilio::ACCOUNT) => self.send(&request),
                    ("GET", FakeTwilio::ACCOUNT) => self.list(&request),
                    _ => refusal(404, 20404),
                }
            }
            _ => refusal(404, 20404),
        }
    }
}

/// The code of what Twilio would refuse.
fn wrong(text: &Text) -> Option<u32> {
    let Some(to) = text.field("To") else {
        return Some(21604);
    };
    let (from, service) = (text.field("From"), text.field("MessagingServiceSid"));
    if from.is_none() && service.is_none() {
        return Some(21603);
    }
    let body = text.field("Body").unwrap_or_default();
    if body.is_empty() && text.field("MediaUrl").is_none() {
        return Some(21602);
    }
    if body.chars().count() > 1600 {
        return Some(21617);
    }
    let validity = text.field("ValidityPeriod").map(str::parse::<u32>);
    if validity.is_some_and(|seconds| !seconds.is_ok_and(|s| (1..=36_000).contains(&s))) {
        return Some(21605);
    }
    magic::error(from, to)
}

/// A message as Twilio shows it.
fn listed(text: &Text, status: &str) -> Value {
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_string(&text.taken_at)
        .unwrap_or_default();
    json!({
        "sid": text.sid,
        "account_sid": FakeTwilio::ACCOUNT,
        "to": text.field("To"),
        "from": text.field("From"),
        "messaging_service_sid": text.field("MessagingServiceSid"),
        "body": text.field("Body"),
        "status": status,
        "direction": "outbound-api",
        "date_created": date,
        "num_segments": "0",
        "error_code": null,
        "error_message": null,
    })
}

pub(super) fn refusal(status: u16, code: u32) -> Reply {
    let body = json!({
        "code": code,
        "message": format!("Fake error {code}"),
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status,
    });
    Reply::json(status, &body)
}
