mod errors;
mod escaping;
mod limits;
mod loading;
mod locales;

use serde_json::{Value, json};

use super::{RenderRequest, Rendered, TemplateError, TemplateErrorKind, Templates};
use crate::{
    channel::{Part, PartKind},
    event::Recipient,
    id::EventId,
    name::{TenantId, Topic},
};

const fn part(name: &'static str, kind: PartKind, required: bool) -> Part {
    Part {
        name,
        kind,
        required,
        one_of: false,
    }
}

const SUBJECT: Part = part("subject.txt", PartKind::Header, true);
const TEXT: Part = part("body.txt", PartKind::Text, false);
const HTML: Part = part("body.html", PartKind::Html, false);
const JSON: Part = part("push.json", PartKind::Json, false);

/// A rendering for Ada with an address that must not be seen.
struct Scene {
    data: Value,
    recipient: Recipient,
    wishes: Vec<&'static str>,
    parts: Vec<Part>,
}

impl Scene {
    fn new(data: Value) -> Self {
        Self {
            data,
            recipient: Recipient::new()
                .id("42")
                .name("Ada")
                .locale("en")
                .data(json!({ "plan": "pro" })),
            wishes: vec!["en"],
            parts: vec![TEXT],
        }
    }

    fn wishing(wishes: &[&'static str]) -> Self {
        Self {
            wishes: wishes.to_vec(),
            ..Self::new(json!({}))
        }
    }

    fn parts(mut self, parts: &[Part]) -> Self {
        self.parts = parts.to_vec();
        self
    }

    fn render(&self, templates: &Templates) -> Result<Rendered, TemplateError> {
        templates.render(&RenderRequest {
            template: "t",
            locales: &self.wishes,
            parts: &self.parts,
            data: &self.data,
            secret: None,
            unsubscribe_url: None,
            recipient: &self.recipient,
            event: EventId::from_uuid(uuid::Uuid::nil()),
            topic: &Topic::new("user.signup").unwrap(),
            tenant: &TenantId::new("acme").unwrap(),
        })
    }
}

/// Renders `source` as one part of this kind.
fn render(kind: Part, source: &str, data: Value) -> Result<String, TemplateError> {
    let templates = Templates::new().part("t", "en", kind.name, source)?;
    let rendered = Scene::new(data).parts(&[kind]).render(&templates)?;
    Ok(rendered.parts.get(kind.name).unwrap().to_owned())
}

fn text(source: &str, data: Value) -> Result<String, TemplateError> {
    render(TEXT, source, data)
}
