//! Templates and what they are given.

use serde_json::{Value, json};
use signalbus::{
    EventId, TenantId, Topic,
    channel::{Part, PartKind, Parts},
    event::Recipient,
    template::{RenderRequest, TemplateError, TemplateLimits, Templates},
};
use uuid::Uuid;

use crate::secret;

const HTML: Part = part("body.html", PartKind::Html);
const TEXT: Part = part("body.txt", PartKind::Text);
const SUBJECT: Part = part("subject.txt", PartKind::Header);
const JSON: Part = part("push.json", PartKind::Json);
const PARTS: [Part; 4] = [HTML, TEXT, SUBJECT, JSON];

const fn part(name: &'static str, kind: PartKind) -> Part {
    Part {
        name,
        kind,
        required: false,
        one_of: false,
    }
}

/// Between the source, the data and the source of a file to include.
const CUT: &str = "\n=====\n";
const LONGEST: usize = 4096;

/// Takes a text for the source of every kind of part, with data as JSON and a file to include.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut pieces = text.splitn(3, CUT);
    let source = pieces.next().unwrap_or_default();
    let data = pieces
        .next()
        .and_then(|json| serde_json::from_str(json).ok());
    let data = data.unwrap_or_else(|| json!({ "name": "<script>s3cr3t</script>" }));
    let included = pieces.next().unwrap_or_default();
    writes(source, included, &data);
    writes_values(&data);
}

/// Whatever an author wrote: within the limits, escaped, and silent about the data.
fn writes(source: &str, included: &str, data: &Value) {
    let hides = ![source, included].into_iter().any(secret::is_in);
    let told = |error: &TemplateError| {
        if hides && !secret::is_in(&names_in(data)) {
            secret::not_told_by(error);
        }
    };
    let templates = match templates(source, included) {
        Ok(templates) => templates,
        Err(error) => return told(&error),
    };
    for part in PARTS {
        match render(&templates, part, data) {
            Ok(parts) => {
                let text = parts.text(part.name);
                assert!(text.len() <= LONGEST, "{} bytes", text.len());
                is_escaped(part.kind, text, &[source, included]);
            }
            Err(error) => told(&error),
        }
    }
}

fn is_escaped(kind: PartKind, text: &str, sources: &[&str]) {
    match kind {
        PartKind::Header => assert!(!text.contains(char::is_control), "{text:?}"),
        PartKind::Html if sources.iter().all(|source| !may_write_tags(source)) => {
            assert!(!text.contains(['<', '>']), "{text:?}");
        }
        _ => {}
    }
}

/// An author may write tags, and may call a value safe.
fn may_write_tags(source: &str) -> bool {
    source.contains(['<', '>']) || source.contains("safe") || source.contains("autoescape")
}

fn templates(source: &str, included: &str) -> Result<Templates, TemplateError> {
    let limits = TemplateLimits::default()
        .with_fuel(20_000)
        .with_output_bytes(LONGEST);
    PARTS
        .iter()
        .try_fold(Templates::new().limits(limits), |templates, part| {
            templates.part("t", "en", part.name, source)
        })?
        .part("t", "en", "included", included)
}

fn render(templates: &Templates, part: Part, data: &Value) -> Result<Parts, TemplateError> {
    let recipient = Recipient::new().id("u-1").name("Ada").data(data.clone());
    templates
        .render(&RenderRequest {
            template: "t",
            locales: &["en"],
            parts: &[part],
            data,
            secret: Some(data),
            unsubscribe_url: Some("https://acme.test/leave/1"),
            recipient: &recipient,
            event: EventId::from_uuid(Uuid::nil()),
            topic: &Topic::new("user.signup").expect("a good topic"),
            tenant: &TenantId::default(),
        })
        .map(|rendered| rendered.parts)
}

/// A template of our own around any data: each value arrives as it is.
fn writes_values(data: &Value) {
    let name = data.get("name").and_then(Value::as_str).unwrap_or_default();
    let wrote = |part: Part, source: &str, data: &Value| {
        Templates::new()
            .part("t", "en", part.name, source)
            .and_then(|templates| render(&templates, part, data))
            .map(|parts| parts.text(part.name).to_owned())
    };
    let name = json!({ "name": name });
    let expected = name["name"].as_str().unwrap_or_default();
    let text = wrote(TEXT, "{{ data.name }}", &name).expect("a text is written");
    assert_eq!(text, expected);
    let html = wrote(HTML, "<p title=\"{{ data.name }}\">", &name).expect("a text is written");
    let value = html
        .strip_prefix("<p title=\"")
        .and_then(|html| html.strip_suffix("\">"))
        .expect("the author's own tags");
    assert!(!value.contains(['<', '>', '"', '\'']), "{value}");
    assert_eq!(unescaped(value), expected);
    match wrote(SUBJECT, "Hi {{ data.name }}!", &name) {
        Ok(subject) => assert_eq!(subject, format!("Hi {expected}!")),
        Err(error) => {
            assert!(expected.contains(|c: char| c.is_control() || "\u{2028}\u{2029}".contains(c)));
            secret::not_told_by(&error);
        }
    }
    if let Ok(json) = wrote(JSON, "{\"data\": {{ data }}}", data) {
        let read: Value = serde_json::from_str(&json).expect("JSON is written");
        assert_eq!(read["data"], *data);
    }
}

fn unescaped(html: &str) -> String {
    html.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#x27;", "'")
        .replace("&#x2f;", "/")
        .replace("&amp;", "&")
}

/// The names of fields, which stand in templates and so in errors.
fn names_in(value: &Value) -> String {
    match value {
        Value::Array(items) => items.iter().map(names_in).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name} {}", names_in(value)))
            .collect(),
        _ => String::new(),
    }
}
