use crate::{channel::ComposeError, event::Attachment};

/// The most files of one mail.
const MAX: usize = 100;

/// Checks what mail asks of files beyond what every event does: how many there are, and content ids
/// that name one image each.
pub(super) fn check(attachments: &[Attachment]) -> Result<(), ComposeError> {
    if attachments.len() > MAX {
        return Err(ComposeError::new(format!(
            "the event has {} attachments; a mail may have {MAX}",
            attachments.len()
        )));
    }
    // A provider may be handed what was never published.
    Attachment::check_all(attachments).map_err(|error| ComposeError::new(error.to_string()))?;
    for (index, attachment) in attachments.iter().enumerate() {
        let Some(id) = attachment.content_id.as_deref() else {
            continue;
        };
        let same = |other: &Attachment| other.content_id.as_deref() == Some(id);
        if attachments[..index].iter().any(same) {
            return Err(ComposeError::new(format!(
                "the content id of attachment {index} is used before"
            )));
        }
    }
    Ok(())
}
