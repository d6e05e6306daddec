use super::{Describe, Description};
use crate::channel::email::{Email, EmailMessage, Mailbox};

impl Describe for Email {
    fn describe(mail: &EmailMessage, description: &mut Description) {
        description.field("from", &mail.from.to_text());
        for (name, mailboxes) in [
            ("to", std::slice::from_ref(&mail.to)),
            ("cc", &mail.cc),
            ("bcc", &mail.bcc),
            ("reply-to", &mail.reply_to),
        ] {
            if !mailboxes.is_empty() {
                let list: Vec<String> = mailboxes.iter().map(Mailbox::to_text).collect();
                description.field(name, &list.join(", "));
            }
        }
        description.field("subject", &mail.subject);
        for (name, value) in mail.more_headers() {
            description.field(name, &value);
        }
        for file in &mail.attachments {
            let (name, kind, bytes) = (&file.file_name, &file.content_type, file.content.len());
            description.field("file", &format!("{name} ({kind}, {bytes} bytes)"));
        }
        for (name, body) in [("text", &mail.text), ("html", &mail.html)] {
            if let Some(body) = body {
                description.text(name, body);
            }
        }
    }
}
