use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use signalbus_core::{
    Timestamp,
    directory::{Kept, TemplateSources, TemplateVersions},
};
use utoipa::ToSchema;

use super::{EventIn, object::object, page::next_name};
use crate::api::RenderedMessage;

/// Sources of a template: parts by name, by locale.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateSources)]
pub(crate) struct SourcesIn {
    /// Such as `{"en": {"subject.txt": "Welcome", "body.txt": "Welcome, {{ recipient.name }}"}}`.
    pub(crate) sources: TemplateSources,
}

/// Which version is used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishIn {
    #[schema(value_type = i64, minimum = 1, maximum = 4294967295_i64)]
    /// The version: a newer one, or an older one to roll back.
    pub(crate) version: u32,
}

/// An event to preview a version with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewIn {
    #[schema(value_type = i64, minimum = 1, maximum = 4294967295_i64)]
    /// The version.
    pub(crate) version: u32,
    /// The event. Its topic decides, as for publishing, on which channels it goes out.
    #[serde(deserialize_with = "object")]
    pub(crate) event: EventIn,
}

/// A template with its versions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template)]
pub(crate) struct TemplateOut {
    /// Its name.
    name: String,
    /// The version that is used; none while the host's template of this name is.
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<u32>,
    /// The versions that are kept, oldest first.
    versions: Vec<VersionOut>,
    /// Rises with each change.
    revision: u64,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// One version of a template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersion)]
pub(crate) struct VersionOut {
    /// Its number.
    number: u32,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Who made it.
    made_by: String,
    /// What it says; only where one template is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<TemplateSources>,
}

/// A page of templates, without their sources.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TemplateList {
    /// In the order of their names.
    items: Vec<TemplateOut>,
    /// The next page begins behind this.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The messages that an event would give.
#[derive(Serialize, ToSchema)]
#[schema(as = Preview)]
pub(crate) struct PreviewOut {
    /// One for each recipient and channel.
    messages: Vec<MessageOut>,
}

/// One message that an event would give.
#[derive(Serialize, ToSchema)]
#[schema(as = PreviewMessage)]
pub(crate) struct MessageOut {
    /// The place of the recipient in the event.
    recipient: usize,
    /// The channel.
    channel: String,
    /// The locale that was used.
    locale: String,
    /// The parts, by name.
    parts: BTreeMap<String, String>,
}

impl TemplateOut {
    pub(crate) fn of(kept: Kept<TemplateVersions>, with_sources: bool) -> Self {
        let versions = kept.says.versions.into_iter().map(|version| VersionOut {
            number: version.number,
            made_at: version.made_at,
            made_by: version.made_by,
            sources: with_sources.then_some(version.sources),
        });
        Self {
            name: kept.name,
            published: kept.says.published,
            versions: versions.collect(),
            revision: kept.revision,
            changed_at: kept.changed_at,
        }
    }
}

impl TemplateList {
    pub(crate) fn of(kept: Vec<Kept<TemplateVersions>>, limit: u32) -> Self {
        let next = next_name(&kept, limit);
        let items = kept.into_iter().map(|kept| TemplateOut::of(kept, false));
        Self {
            items: items.collect(),
            next,
        }
    }
}

impl PreviewOut {
    pub(crate) fn of(messages: Vec<RenderedMessage>) -> Self {
        let messages = messages.into_iter().map(|message| MessageOut {
            recipient: message.recipient,
            channel: message.channel.into(),
            locale: message.locale,
            parts: message.parts,
        });
        Self {
            messages: messages.collect(),
        }
    }
}
