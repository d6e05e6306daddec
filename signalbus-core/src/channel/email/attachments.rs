use super::text;
use crate::{channel::ComposeError, event::Attachment};

/// The most files of one mail.
const MAX: usize = 100;

/// Checks what mail asks of files beyond what every event does: names that are what they look like,
/// media types a header can carry, and content ids that name one image each.
pub(super) fn check(attachments: &[Attachment]) -> Result<(), ComposeError> {
    if attachments.len() > MAX {
        return Err(ComposeError::new(format!(
            "the event has {} attachments; a mail may have {MAX}",
            attachments.len()
        )));
    }
    for (index, attachment) in attachments.iter().enumerate() {
        if !is_media_type(&attachment.content_type) {
            return Err(ComposeError::new(format!(
                "the content type of attachment {index} must be of the form `application/pdf`"
            )));
        }
        let disguised = |c| text::is_control(c) || text::is_direction_switch(c);
        if attachment.file_name.contains(disguised) {
            return Err(ComposeError::new(format!(
                "the file name of attachment {index} has a control character or one that switches \
                 the direction of text"
            )));
        }
        let Some(id) = attachment.content_id.as_deref() else {
            continue;
        };
        if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ComposeError::new(format!(
                "the content id of attachment {index} must be printable ASCII"
            )));
        }
        let same = |other: &Attachment| other.content_id.as_deref() == Some(id);
        if attachments[..index].iter().any(same) {
            return Err(ComposeError::new(format!(
                "the content id of attachment {index} is used before"
            )));
        }
    }
    Ok(())
}

/// `type "/" subtype *(";" attribute "=" token)` of RFC 2045 section 5.1, without spaces and quotes.
fn is_media_type(text: &str) -> bool {
    let mut fields = text.split(';');
    let pair = |field: &str, separator| {
        field
            .split_once(separator)
            .is_some_and(|(left, right)| is_token(left) && is_token(right))
    };
    fields.next().is_some_and(|essence| pair(essence, '/')) && fields.all(|field| pair(field, '='))
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&byte))
}
