//! What every provider has to do. A folder has no server that could be away: what it says when it
//! cannot be written to is in `folder.rs`.

use signalbus::{Attachment, channel::Email};
use signalbus_smtp::MailFolder;
use signalbus_testkit::provider_suite::Subject;

signalbus_testkit::provider_suite! {
    reports_start: true,
    recognises_repeats: true,
    looks_up: false,
    open: async || {
        let folder = tempfile::tempdir().unwrap();
        let provider = MailFolder::new(folder.path().join("outbox")).unwrap();
        Subject::new(Email::from("Acme <hello@acme.test>").unwrap(), provider)
            .to("Ada@example.org")
            .part("subject.txt", "Your invoice")
            .part("body.html", "<p>Dear Ada, <img src=\"cid:logo\"></p>")
            .part("body.txt", "Dear Ada")
            .attach(Attachment::new("logo.png", "image/png", &b"PNG"[..]).inline("logo"))
            .attach(Attachment::new("invoice.pdf", "application/pdf", &b"%PDF"[..]))
            .keep(folder)
    },
}
