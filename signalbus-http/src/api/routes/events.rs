use axum::{
    Json as Out,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::value::RawValue;
use signalbus_core::{Event, EventId, Published, Verdict};

use crate::api::{
    ApiLimits,
    input::{Id, Json, Name, Raw, key_of, parse, problem_of, trace_of},
    problem::{Answer, Problem, Wrong},
    tenancy::{By, Publish, Read, Tenancy},
    words::{
        EventAnswer, EventIn, EventOut, Frame, ManyAnswer, ManyAnswers, Object, PlanAnswer,
        PlanRequest,
    },
};

/// About how many bytes the answer to one of many events has.
const LINE: usize = 256;
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Publish one event, or many.
///
/// One event as an object is answered with 202, or with a problem. Many, as an array, are stored in
/// one transaction, each for itself: they are answered with 200 and one answer for each. The same
/// idempotency key with the same content is answered as the first time.
#[utoipa::path(
    post,
    path = "/v1/events",
    tag = "events",
    request_body(content = inline(EventOrEvents)),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "How a repeat of one event is recognised; quoted or bare"),
    ),
    responses(
        (status = 202, description = "The event is stored", body = EventAnswer),
        (status = 200, description = "One answer for each of many events", body = ManyAnswers),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["publish"]))
)]
pub(crate) async fn publish(
    by: By<Publish>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Answer<Response> {
    let frame = frame(&headers, None)?;
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first == Some(&b'[') {
        if frame.key.is_some() {
            return Err(Problem::new(
                Wrong::Malformed,
                "the header Idempotency-Key is for one event: of many, each says its own",
            )
            .field("Idempotency-Key"));
        }
        return many(&by.tenancy, &frame, &body).await;
    }
    one(&by.tenancy, &frame, parse::<Object<EventIn>>(&body)?.0).await
}

/// An event, or many of them.
#[derive(utoipa::ToSchema)]
#[schema(as = EventOrEvents)]
#[expect(
    dead_code,
    reason = "for the document: which of them it is, is seen at once"
)]
#[serde(untagged)]
enum EventOrEvents {
    /// One.
    One(Box<EventIn>),
    /// Many.
    Many(Vec<EventIn>),
}

/// Publish one event about the topic of the path.
#[utoipa::path(
    post,
    path = "/v1/publish/{topic}",
    tag = "events",
    request_body = EventIn,
    params(
        ("topic" = String, Path, description = "What the event is about"),
        ("Idempotency-Key" = Option<String>, Header, description = "How a repeat is recognised; quoted or bare"),
    ),
    responses(
        (status = 202, description = "The event is stored", body = EventAnswer),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["publish"]))
)]
pub(crate) async fn publish_to(
    by: By<Publish>,
    Name(topic): Name,
    headers: HeaderMap,
    Json(event): Json<EventIn>,
) -> Answer<Response> {
    one(&by.tenancy, &frame(&headers, Some(topic))?, event).await
}

/// Say what would happen to an event, and why. Nothing is stored or sent.
#[utoipa::path(
    post,
    path = "/v1/plan",
    tag = "events",
    request_body = EventIn,
    responses(
        (status = 200, description = "What would happen", body = PlanAnswer),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["publish"]))
)]
pub(crate) async fn plan(
    by: By<Publish>,
    Json(PlanRequest(event)): Json<PlanRequest>,
) -> Answer<Out<PlanAnswer>> {
    let event = filled(&by.tenancy, event).await?;
    let event = event.into_planned(by.tenancy.tenant())?;
    Ok(Out(PlanAnswer::of(by.tenancy.plan(event)?)))
}

/// One event with its deliveries.
#[utoipa::path(
    get,
    path = "/v1/events/{id}",
    tag = "events",
    params(("id" = Uuid, Path, description = "The event")),
    responses(
        (status = 200, description = "The event", body = EventOut),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["read"]))
)]
pub(crate) async fn event(by: By<Read>, Id(id): Id<EventId>) -> Answer<Out<EventOut>> {
    Ok(Out(EventOut::of(by.tenancy.event(id).await?)))
}

async fn one(tenancy: &Tenancy, frame: &Frame, event: EventIn) -> Answer<Response> {
    let event = filled(tenancy, event).await?;
    check_recipients(tenancy.limits(), event.recipients())?;
    let event = event.into_event(frame, tenancy.tenant())?;
    let answers = tenancy.publish(vec![event]).await?;
    let published = answers.into_iter().next().ok_or_else(|| {
        Problem::new(
            Wrong::Internal,
            "the engine gave no answer: tell the operator",
        )
    })??;
    let (published, replayed) = taken(published)?;
    let mut response = (StatusCode::ACCEPTED, Out(EventAnswer::of(published))).into_response();
    if replayed {
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// With what the directory knows of its recipients.
pub(crate) async fn filled(tenancy: &Tenancy, event: EventIn) -> Answer<EventIn> {
    let mut events = [Ok(event)];
    tenancy.fill(&mut events).await?;
    let [event] = events;
    event
}

async fn many(tenancy: &Tenancy, frame: &Frame, body: &[u8]) -> Answer<Response> {
    let limits = tenancy.limits();
    let mut parsed = parse_many(body)?;
    if parsed.len() > limits.batch {
        return Err(Problem::new(
            Wrong::TooLarge,
            format!(
                "a request may have {} events: send fewer at a time",
                limits.batch
            ),
        ));
    }
    tenancy.fill(&mut parsed).await?;
    let recipients = parsed.iter().flatten().map(EventIn::recipients).sum();
    check_recipients(limits, recipients)?;
    let mut refused = Vec::with_capacity(parsed.len());
    let mut events: Vec<Event> = Vec::with_capacity(parsed.len());
    for event in parsed {
        let event = event.and_then(|event| event.into_event(frame, tenancy.tenant()));
        match event {
            Ok(event) => {
                events.push(event);
                refused.push(None);
            }
            Err(problem) => refused.push(Some(problem)),
        }
    }
    let published = if events.is_empty() {
        Vec::new()
    } else {
        tenancy.publish(events).await?
    };
    let mut published = published.into_iter();
    let answers = refused.into_iter().map(|refused| {
        let problem = match refused {
            Some(problem) => problem,
            None => match published.next() {
                Some(Ok(published)) => match taken(published) {
                    Ok((published, replayed)) => return ManyAnswer::taken(published, replayed),
                    Err(problem) => problem,
                },
                Some(Err(invalid)) => invalid.into(),
                None => Problem::new(
                    Wrong::Internal,
                    "the engine gave no answer: tell the operator",
                ),
            },
        };
        ManyAnswer::refused(problem)
    });
    let answers = ManyAnswers {
        answers: answers.collect(),
    };
    // Into one piece that is large enough.
    let mut body = Vec::with_capacity(64 + LINE * answers.answers.len());
    serde_json::to_writer(&mut body, &answers).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::new(
            Wrong::Internal,
            "the answer cannot be written: tell the operator",
        )
    })?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], body).into_response())
}

/// All events, or for each what is wrong with it. Only when one is wrong are they read one by one.
fn parse_many(body: &[u8]) -> Answer<Vec<Answer<EventIn>>> {
    match serde_json::from_slice::<Vec<Object<EventIn>>>(body) {
        Ok(events) => Ok(events.into_iter().map(|Object(event)| Ok(event)).collect()),
        Err(error) if error.is_data() => {
            let parts: Vec<&RawValue> =
                serde_json::from_slice(body).map_err(|error| problem_of(&error))?;
            let each = parts.into_iter().map(|part| {
                parse::<Object<EventIn>>(part.get().as_bytes()).map(|Object(event)| event)
            });
            Ok(each.collect())
        }
        Err(error) => Err(problem_of(&error)),
    }
}

/// What was published, and whether it had been before; or that the key stands for something else.
fn taken(published: Published) -> Answer<(Published, bool)> {
    match published.verdict {
        Verdict::Accepted => Ok((published, false)),
        Verdict::Duplicate => Ok((published, true)),
        Verdict::Conflict => Err(Problem::new(
            Wrong::KeyReused,
            format!(
                "the key was used before with other content, by event {}: take another key, or send \
                 what was sent then",
                published.event
            ),
        )),
    }
}

fn check_recipients(limits: &ApiLimits, recipients: usize) -> Answer<()> {
    if recipients > limits.recipients {
        return Err(Problem::new(
            Wrong::TooLarge,
            format!(
                "a request may have {} recipients: send fewer at a time, each event with a key of \
                 its own",
                limits.recipients
            ),
        )
        .field("to"));
    }
    Ok(())
}

fn frame(headers: &HeaderMap, topic: Option<String>) -> Answer<Frame> {
    Ok(Frame {
        topic,
        key: key_of(headers)?,
        trace: trace_of(headers),
    })
}

impl EventIn {
    /// For a plan a key does not matter.
    pub(crate) fn into_planned(self, tenant: &signalbus_core::TenantId) -> Answer<Event> {
        let frame = Frame::default();
        if self.has_key() {
            return self.into_event(&frame, tenant);
        }
        self.without_key().into_event(&frame, tenant)
    }
}
