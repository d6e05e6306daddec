use signalbus::{
    Attachment,
    channel::{Email, Sms},
    provider::Console,
};
use signalbus_testkit::provider_suite::Subject;

use crate::{note::Note, paper::Paper};

fn console() -> Console {
    Console::new(Paper::default())
}

pub(crate) fn mail(console: Console) -> Subject<Email> {
    Subject::new(Email::from("Acme <hello@acme.test>").unwrap(), console)
        .to("Ada@example.org")
        .part("subject.txt", "Your invoice")
        .part("body.html", "<p>Dear Ada</p>")
        .part("body.txt", "Dear Ada,\nthank you.")
        .attach(Attachment::new(
            "invoice.pdf",
            "application/pdf",
            &b"%PDF"[..],
        ))
}

pub(crate) fn text(console: Console) -> Subject<Sms> {
    Subject::new(Sms::new(), console)
        .to("+44 7700 900123")
        .part("sms.txt", "Your parcel is at the door")
}

pub(crate) fn note(console: Console) -> Subject<Note> {
    Subject::new(Note, console)
        .to("Desk 7")
        .part("note.txt", "Lunch?")
}

mod mails {
    use super::*;

    signalbus_testkit::provider_suite! {
        reports_start: true,
        recognises_repeats: false,
        looks_up: false,
        open: async || mail(console()),
    }
}

mod texts {
    use super::*;

    signalbus_testkit::provider_suite! {
        reports_start: true,
        recognises_repeats: false,
        looks_up: false,
        open: async || text(console()),
    }
}

mod notes {
    use super::*;

    signalbus_testkit::provider_suite! {
        reports_start: true,
        recognises_repeats: false,
        looks_up: false,
        open: async || note(console()),
    }
}

/// Nothing is sent to a server: what cannot be reached is the paper.
mod closed {
    use super::*;
    use crate::paper::Failure;

    signalbus_testkit::provider_suite! {
        reports_start: true,
        recognises_repeats: false,
        looks_up: false,
        open: async || text(console()),
        unreachable: async || {
            let paper = Paper::default();
            paper.fail(Some(Failure::Closed));
            text(Console::new(paper))
        },
    }
}
