//! The tree of parts: `mixed(related(alternative(text, html), images), files)`, without the layers
//! that a message does not need.

use lettre::message::{
    Body, MultiPart, SinglePart,
    header::{ContentId, ContentType},
};
use signalbus_core::{channel::email::EmailMessage, event::Attachment};

use super::{
    MessageError, body,
    disposition::{Disposition, NamedType},
};

/// A part with all that is in it.
#[derive(Debug)]
pub(crate) enum Content {
    /// One body.
    Single(ContentType, Body),
    /// More than one.
    Multi(MultiPart),
}

/// The content of a mail. A file with a content id is an image of the HTML body, or just a file
/// when there is no HTML body.
pub(crate) fn content(message: &EmailMessage) -> Result<Content, MessageError> {
    let (images, files): (Vec<_>, Vec<_>) = message
        .attachments
        .iter()
        .partition(|file| message.html.is_some() && file.content_id.is_some());
    let bodies = bodies(message)?;
    let related = around(bodies, &images, "related")?;
    around(related, &files, "mixed")
}

fn bodies(message: &EmailMessage) -> Result<Content, MessageError> {
    let encode = |text: &str| body::text(text).ok_or(MessageError::Encoding { field: "body" });
    match (&message.text, &message.html) {
        (None, None) => Err(MessageError::NoBody),
        (Some(text), None) => Ok(Content::Single(ContentType::TEXT_PLAIN, encode(text)?)),
        (None, Some(html)) => Ok(Content::Single(ContentType::TEXT_HTML, encode(html)?)),
        (Some(text), Some(html)) => {
            let alternative = multipart("alternative", "")?
                .singlepart(SinglePart::plain(encode(text)?))
                .singlepart(SinglePart::html(encode(html)?));
            Ok(Content::Multi(alternative))
        }
    }
}

/// Puts a layer of this kind around `content`, if there are files to go into it.
fn around(content: Content, files: &[&Attachment], kind: &str) -> Result<Content, MessageError> {
    if files.is_empty() {
        return Ok(content);
    }
    // RFC 2387 section 3.1: `related` names the type of its root.
    let root = match (&content, kind) {
        (Content::Multi(_), "related") => "; type=\"multipart/alternative\"",
        (Content::Single(..), "related") => "; type=\"text/html\"",
        _ => "",
    };
    let mut layer = multipart(kind, root)?;
    layer = match content {
        Content::Single(content_type, body) => {
            layer.singlepart(SinglePart::builder().content_type(content_type).body(body))
        }
        Content::Multi(part) => layer.multipart(part),
    };
    for file in files {
        layer = layer.singlepart(part(file, kind)?);
    }
    Ok(Content::Multi(layer))
}

fn part(file: &Attachment, kind: &str) -> Result<SinglePart, MessageError> {
    let failed = MessageError::Encoding {
        field: "attachments",
    };
    let content = body::file(&file.content).ok_or(failed)?;
    let media_type = NamedType::new(body::media_type(file), &file.file_name);
    let part = SinglePart::builder().header(media_type);
    let part = match (&file.content_id, kind) {
        (Some(id), "related") => part
            .header(ContentId::from(format!("<{id}>")))
            .header(Disposition::inline(&file.file_name)),
        _ => part.header(Disposition::attachment(&file.file_name)),
    };
    Ok(part.body(content))
}

/// A layer whose boundary no body can hold; see [`body`].
fn multipart(kind: &str, parameters: &str) -> Result<MultiPart, MessageError> {
    let text = format!("multipart/{kind}; boundary=\"=_signalbus_{kind}\"{parameters}");
    let content_type =
        ContentType::parse(&text).map_err(|_| MessageError::Encoding { field: "parts" })?;
    Ok(MultiPart::builder().header(content_type).build())
}
