use serde::{Deserialize, Serialize};
use signalbus_core::{Published, RouteAnswer, Timestamp, publish::Answer as Route};
use utoipa::ToSchema;
use uuid::Uuid;

use super::EventIn;
use crate::api::{PlannedEvent, PlannedRoute, problem::Problem};

/// An event that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventAnswer {
    /// The event: ask for it later by this.
    event: Uuid,
    /// One line for each recipient and channel.
    routes: Vec<RouteOut>,
}

/// What happens for one recipient on one channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RouteOut {
    /// The place of the recipient in the event.
    recipient: usize,
    /// The channel; none when there was no route.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// The delivery: ask for it later by this. None in a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery: Option<Uuid>,
    /// Who would send it, in order of preference. Only in a plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    providers: Vec<String>,
    /// What happens next.
    answer: RouteWord,
    /// When it is sent, if it is scheduled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Why it cannot be sent, if it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What happens to a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RouteWord {
    /// It is sent as soon as it is its turn.
    Queued,
    /// It is sent at its time.
    Scheduled,
    /// The policy has no channel for it, or the recipient no address there.
    NoRoute,
    /// It cannot be sent.
    Rejected,
    /// Something that this version has no word for.
    Other,
}

/// Answers to many events, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ManyAnswers {
    /// One for each event.
    pub(crate) answers: Vec<ManyAnswer>,
}

/// The answer to one of many events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ManyAnswer {
    /// The status it would have had alone: 202, or that of the problem.
    status: u16,
    /// Whether it had been published before with the same key and content.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    replayed: bool,
    /// The event, when it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Uuid>,
    /// One line for each of its recipients and channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    routes: Option<Vec<RouteOut>>,
    /// What is wrong with it, when it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// An event to plan: as for publishing, but that no key is needed.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
pub(crate) struct PlanRequest(pub(crate) EventIn);

/// What would happen to an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub(crate) struct PlanAnswer {
    /// Whether the policy has a rule for its topic.
    rule: bool,
    /// One line for each recipient and channel.
    routes: Vec<RouteOut>,
}

impl EventAnswer {
    pub(crate) fn of(published: Published) -> Self {
        Self {
            event: *published.event.as_uuid(),
            routes: published.routes.into_iter().map(RouteOut::of).collect(),
        }
    }
}

impl ManyAnswer {
    pub(crate) fn taken(published: Published, replayed: bool) -> Self {
        let EventAnswer { event, routes } = EventAnswer::of(published);
        Self {
            status: 202,
            replayed,
            event: Some(event),
            routes: Some(routes),
            problem: None,
        }
    }

    pub(crate) fn refused(problem: Problem) -> Self {
        Self {
            status: problem.status(),
            replayed: false,
            event: None,
            routes: None,
            problem: Some(problem),
        }
    }
}

impl PlanAnswer {
    pub(crate) fn of(planned: PlannedEvent) -> Self {
        Self {
            rule: planned.rule,
            routes: planned.routes.into_iter().map(RouteOut::planned).collect(),
        }
    }
}

impl RouteOut {
    fn of(route: RouteAnswer) -> Self {
        let (answer, at, why) = word(route.answer);
        Self {
            recipient: route.recipient,
            channel: route.channel.map(String::from),
            delivery: Some(*route.delivery.as_uuid()),
            providers: Vec::new(),
            answer,
            at,
            why,
        }
    }

    fn planned(route: PlannedRoute) -> Self {
        let (answer, at, why) = word(route.answer);
        Self {
            recipient: route.recipient,
            channel: route.channel.map(String::from),
            delivery: None,
            providers: route.providers.into_iter().map(String::from).collect(),
            answer,
            at,
            why,
        }
    }
}

fn word(answer: Route) -> (RouteWord, Option<Timestamp>, Option<String>) {
    match answer {
        Route::Queued => (RouteWord::Queued, None, None),
        Route::Scheduled(at) => (RouteWord::Scheduled, Some(at), None),
        Route::NoRoute => (RouteWord::NoRoute, None, None),
        Route::Rejected(why) => (RouteWord::Rejected, None, Some(why)),
        _ => (RouteWord::Other, None, None),
    }
}
