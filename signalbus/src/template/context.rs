//! What a template sees.

use minijinja::Value;
use serde_json::Value as Json;

use super::{RenderRequest, TemplateError, TemplateLimits};

/// Everything but the locale, made once for all parts. Addresses are left out on purpose: they
/// belong to channels.
pub(super) fn build(
    request: &RenderRequest<'_>,
    locale: &str,
    limits: TemplateLimits,
) -> Result<Value, TemplateError> {
    let json = |name: &'static str, value: &Json| {
        convert(value, limits.data_depth)
            .ok_or_else(|| TemplateError::too_deep(request.template, name, limits))
    };
    let recipient = request.recipient;
    let recipient = Value::from_pairs([
        ("id", optional(recipient.id.as_deref())),
        ("name", optional(recipient.name.as_deref())),
        ("locale", optional(recipient.locale.as_deref())),
        ("data", json("recipient.data", &recipient.data)?),
    ]);
    let secret = match request.secret {
        Some(secret) => json("secret", secret)?,
        None => Value::UNDEFINED,
    };
    let event = Value::from_pairs([
        ("id", Value::from(request.event.to_string())),
        ("topic", Value::from(request.topic.as_str())),
    ]);
    Ok(Value::from_pairs([
        ("data", json("data", request.data)?),
        ("secret", secret),
        (
            "unsubscribe_url",
            request
                .unsubscribe_url
                .map_or(Value::UNDEFINED, Value::from),
        ),
        ("recipient", recipient),
        ("event", event),
        ("tenant", Value::from(request.tenant.as_str())),
        ("locale", Value::from(locale)),
    ]))
}

fn optional(text: Option<&str>) -> Value {
    text.map_or_else(|| Value::from(()), Value::from)
}

/// A value as templates take it; none when it is nested deeper than `depth`, which also bounds
/// the stack. Numbers go by value: as serialized, they would be maps when some other crate turns
/// on serde_json's `arbitrary_precision`.
fn convert(json: &Json, depth: usize) -> Option<Value> {
    Some(match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => Value::from(number),
            (None, Some(number), _) => Value::from(number),
            (None, None, Some(number)) => Value::from(number),
            (None, None, None) => Value::from(number.to_string()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            let depth = depth.checked_sub(1)?;
            items
                .iter()
                .map(|item| convert(item, depth))
                .collect::<Option<Vec<Value>>>()
                .map(Value::from)?
        }
        Json::Object(members) => {
            let depth = depth.checked_sub(1)?;
            let members = members
                .iter()
                .map(|(name, member)| Some((name.as_str(), convert(member, depth)?)))
                .collect::<Option<Vec<_>>>()?;
            Value::from_pairs(members)
        }
    })
}
