use std::fmt;

use serde_json::Value;

use super::{Locale, TemplateError, Templates, cldr, context, locale};
use crate::{
    channel::{Part, PartKind, Parts},
    event::Recipient,
    id::EventId,
    name::{TenantId, Topic},
};

/// What to render, for whom.
#[derive(Clone, Copy)]
pub struct RenderRequest<'a> {
    /// The name of the template.
    pub template: &'a str,
    /// The wished locales, best first: the recipient's, then the event's. One that is not a
    /// BCP 47 tag is passed over.
    pub locales: &'a [&'a str],
    /// The parts of the message, as its channel lists them.
    pub parts: &'a [Part],
    /// What the template sees as `data`.
    pub data: &'a Value,
    /// What it sees as `secret`, if the event has one.
    pub secret: Option<&'a Value>,
    /// What it sees as `unsubscribe_url`, if there is one.
    pub unsubscribe_url: Option<&'a str>,
    /// What it sees as `recipient`, without the addresses.
    pub recipient: &'a Recipient,
    /// What it sees as `event.id`.
    pub event: EventId,
    /// What it sees as `event.topic`.
    pub topic: &'a Topic,
    /// What it sees as `tenant`.
    pub tenant: &'a TenantId,
}

impl fmt::Debug for RenderRequest<'_> {
    /// Shows no content and no recipient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderRequest")
            .field("template", &self.template)
            .field("locales", &self.locales)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}

/// A message's parts in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// The locale that was used for all of them.
    pub locale: String,
    /// The parts that this locale has.
    pub parts: Parts,
}

impl Templates {
    /// Renders the parts of one message, all in one language: of each wish, then of the default,
    /// first the locale itself, then its parents by CLDR (`pt-BR`, `pt`; `zh-TW`, `zh-Hant`), then its
    /// shorter forms, until one has all parts that are needed, or any part where none is. Does no I/O.
    ///
    /// # Errors
    /// When no locale will do, or a part cannot be rendered within the limits. The error never
    /// shows data.
    pub fn render(&self, request: &RenderRequest<'_>) -> Result<Rendered, TemplateError> {
        if let Some(own) = self.shared.tenants.of(request.tenant, request.template) {
            return own.render_here(request);
        }
        self.render_here(request)
    }

    /// With these templates and nobody else's.
    fn render_here(&self, request: &RenderRequest<'_>) -> Result<Rendered, TemplateError> {
        let locale = self.choose(request.template, request.locales, request.parts)?;
        let limits = self.shared.limits;
        let context = context::build(request, &locale.tag, limits)?;
        let parts = request
            .parts
            .iter()
            .filter_map(|part| Some((part, locale.parts.get(part.name)?)))
            .map(|(part, key)| {
                let text =
                    self.shared
                        .engine
                        .render(key, part.kind, &context, limits.output_bytes)?;
                match part.kind {
                    PartKind::Header => header(key, &text).map(|text| (part.name, text)),
                    PartKind::Text | PartKind::Html | PartKind::Json => Ok((part.name, text)),
                }
            })
            .collect::<Result<Parts, TemplateError>>()?;
        Ok(Rendered {
            locale: locale.tag.clone(),
            parts,
        })
    }

    pub(super) fn choose(
        &self,
        template: &str,
        wishes: &[&str],
        parts: &[Part],
    ) -> Result<&Locale, TemplateError> {
        let Some(locales) = self.shared.templates.get(template) else {
            return Err(TemplateError::no_template(template));
        };
        let serves = |locale: &&Locale| locale.serves(parts);
        let find = |key: &str| {
            // Most wishes are there as they are.
            if let Some(locale) = locales.get(key).filter(serves) {
                return Some(locale);
            }
            let alike = |likely: Option<String>| {
                let mut alike = locales.values().filter(serves);
                alike.find(|locale| likely.is_some() && locale.likely == likely)
            };
            let by_parents = cldr::chain(key).into_iter().find_map(|stand| {
                let same = locales.get(&stand.key).filter(serves);
                same.or_else(|| alike(stand.likely))
            });
            let mut shorter = locale::chain(key).filter_map(|key| locales.get(key));
            by_parents.or_else(|| shorter.find(serves))
        };
        wishes
            .iter()
            .filter_map(|wish| locale::normalise(wish))
            .find_map(|key| find(&key))
            .or_else(|| find(self.shared.default_locale.key()))
            .ok_or_else(|| {
                let default = self.shared.default_locale.canonical();
                TemplateError::no_locale(template, wishes, default, locales, parts)
            })
    }
}

/// One line, without the white space around it that files end in.
fn header(key: &str, text: &str) -> Result<String, TemplateError> {
    let line = text.trim_matches(|c: char| matches!(c, ' ' | '\t' | '\r' | '\n'));
    let breaks = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    if line.contains(breaks) {
        return Err(TemplateError::header(key));
    }
    Ok(line.to_owned())
}
