//! The service that is sent to, and its books.

use signalbus_testkit::fakes::{Act, mailgun::FakeMailgun, twilio::FakeTwilio};

/// What is sent, and through whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mail,
    Text,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Text => "text",
        }
    }

    pub(crate) fn of(name: &str) -> Self {
        match name {
            "mail" => Self::Mail,
            _ => Self::Text,
        }
    }

    pub(crate) async fn start(self) -> Fake {
        match self {
            Self::Mail => Fake::Mail(FakeMailgun::start().await),
            Self::Text => Fake::Text(FakeTwilio::start().await),
        }
    }
}

pub(crate) enum Fake {
    Mail(FakeMailgun),
    Text(FakeTwilio),
}

impl Fake {
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Mail(fake) => fake.url(),
            Self::Text(fake) => fake.url(),
        }
    }

    pub(crate) fn play(&self, acts: [Act; 3]) {
        match self {
            Self::Mail(fake) => fake.play(acts),
            Self::Text(fake) => fake.play(acts),
        }
    }

    pub(crate) fn requests(&self) -> usize {
        match self {
            Self::Mail(fake) => fake.requests(),
            Self::Text(fake) => fake.requests(),
        }
    }

    /// What each message that was taken says of whose it is.
    pub(crate) fn taken(&self) -> Vec<String> {
        let told = |field: Option<&str>| field.unwrap_or_default().replace("%2F", "/");
        match self {
            Self::Mail(fake) => {
                let mails = fake.mails();
                mails
                    .iter()
                    .map(|of| told(of.field("v:signalbus")))
                    .collect()
            }
            Self::Text(fake) => {
                let texts = fake.texts();
                texts
                    .iter()
                    .map(|of| told(of.field("StatusCallback")))
                    .collect()
            }
        }
    }
}
