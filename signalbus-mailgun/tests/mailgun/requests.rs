use std::time::Duration;

use signalbus::{
    Attachment, Clock, TenantId,
    channel::email::{EmailOptions, Header, Unsubscribe},
    clock::later,
    provider::{Fault, Outcome},
};
use signalbus_mailgun::Account;
use signalbus_testkit::fakes::mailgun::Mail;

use crate::support::{DOMAIN, Parcel, SENDING, stage, uuid};

/// Sends one mail and gives what the fake got.
async fn got(parcel: &Parcel) -> Mail {
    let stage = stage(|config| config).await;
    stage.send(parcel).await.unwrap();
    stage.fake.mails().remove(0)
}

#[tokio::test]
async fn a_mail_has_its_fields() {
    let options = EmailOptions::new()
        .cc("\"Bob, the builder\" <bob@example.org>".parse().unwrap())
        .cc("carol@example.org".parse().unwrap())
        .bcc("dan@example.org".parse().unwrap())
        .reply_to("help@acme.test".parse().unwrap())
        .reply_to("Support <support@acme.test>".parse().unwrap())
        .header(Header::new("X-Entity-Ref-ID", "88213").unwrap())
        .unsubscribe(Unsubscribe::new("https://acme.test/leave/1").unwrap());
    let mail = got(&Parcel::with(&options, &[])).await;
    assert_eq!(mail.domain, DOMAIN);
    assert_eq!(mail.key, SENDING);
    for (name, value) in [
        ("from", "\"Acme, Inc.\" <hello@acme.test>"),
        ("to", "\"Ada \\\"L\\\" Lovelace\" <Ada@example.org>"),
        ("bcc", "dan@example.org"),
        ("subject", "Grüße, \"Ada\""),
        ("text", "Dear Ada"),
        ("html", "<p>Dear Ada</p>"),
        (
            "h:Reply-To",
            "help@acme.test, \"Support\" <support@acme.test>",
        ),
        ("h:X-Entity-Ref-ID", "88213"),
        ("h:List-Unsubscribe", "<https://acme.test/leave/1>"),
        ("h:List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ] {
        assert_eq!(mail.all(name).collect::<Vec<_>>(), [value], "{name}");
    }
    let cc = [
        "\"Bob, the builder\" <bob@example.org>",
        "carol@example.org",
    ];
    assert_eq!(mail.all("cc").collect::<Vec<_>>(), cc);
    let id = format!("<{}@acme.test>", uuid(1));
    assert_eq!(mail.field("h:Message-Id"), Some(id.as_str()));
}

#[tokio::test]
async fn files_and_inline_images_are_sent_byte_for_byte() {
    let files = [
        Attachment::new("logo.png", "image/png", &b"P\r\n--x\0NG"[..]).inline("logo@1"),
        Attachment::new("Rechnung für März.pdf", "application/pdf", &b"%PDF"[..]),
    ];
    let mail = got(&Parcel::with(&EmailOptions::new(), &files)).await;
    let files: Vec<_> = mail
        .files
        .iter()
        .map(|file| {
            let text = [&file.field, &file.file_name, &file.content_type];
            (text.map(String::as_str), file.content.as_slice())
        })
        .collect();
    // Mailgun finds an inline image by its file name: it must be what the HTML says after `cid:`.
    assert_eq!(
        files,
        [
            (["inline", "logo@1", "image/png"], &b"P\r\n--x\0NG"[..]),
            (
                ["attachment", "Rechnung für März.pdf", "application/pdf"],
                &b"%PDF"[..]
            ),
        ]
    );
}

/// Openings and clicks are counted for nobody who was not asked, whatever the domain is set to.
#[tokio::test]
async fn tracking_is_off_unless_it_is_set_on() {
    for (on, word) in [(false, "no"), (true, "yes")] {
        let stage = stage(|config| config.tracking(on)).await;
        stage.send(&Parcel::new()).await.unwrap();
        let mail = stage.fake.mails().remove(0);
        for name in ["o:tracking", "o:tracking-clicks", "o:tracking-opens"] {
            assert_eq!(mail.field(name), Some(word));
        }
    }
}

#[tokio::test]
async fn options_are_sent_when_they_are_set() {
    let names = ["o:require-tls", "o:testmode", "o:tag", "o:deliverytime"];
    let plain = got(&Parcel::new()).await;
    assert!(names.iter().all(|name| plain.field(name).is_none()));
    let stage = stage(|config| {
        config
            .require_tls(true)
            .test_mode(true)
            .tag("invoices")
            .tag("eu")
    })
    .await;
    stage.send(&Parcel::new()).await.unwrap();
    let mail = stage.fake.mails().remove(0);
    assert_eq!(mail.field("o:require-tls"), Some("yes"));
    assert_eq!(mail.field("o:testmode"), Some("yes"));
    assert_eq!(mail.all("o:tag").collect::<Vec<_>>(), ["invoices", "eu"]);
}

#[tokio::test]
async fn an_expiry_limits_how_long_mailgun_tries() {
    let stage = stage(|config| config).await;
    let mut parcel = Parcel::new();
    parcel.expires_at = Some(later(stage.clock.now(), Duration::from_secs(5400)));
    stage.send(&parcel).await.unwrap();
    assert_eq!(
        stage.fake.mails()[0].field("o:deliver-within"),
        Some("1h30m")
    );
}

/// The recipient sees neither the tenant nor our ids.
#[tokio::test]
async fn our_word_for_the_message_is_told_back_but_not_to_the_recipient() {
    let mut parcel = Parcel::new();
    parcel.generation = 2;
    let mail = got(&parcel).await;
    let word = format!("acme/{}.2/", uuid(1));
    let told = mail.field("v:signalbus").unwrap();
    assert!(
        told.starts_with(&word) && told.len() == word.len() + 8,
        "{told}"
    );
    let hidden = mail.field("o:suppress-headers").unwrap();
    assert!(
        hidden
            .split(',')
            .any(|header| header == "X-Mailgun-Variables")
    );
    // By this one Mailgun finds the message of a complaint.
    assert!(!hidden.contains("X-Mailgun-Sid") && hidden != "all");
}

#[tokio::test]
async fn a_tenant_sends_from_its_own_domain_with_its_own_key() {
    let other = TenantId::new("other").unwrap();
    let mut url = String::new();
    let mut stage = stage(|config| config).await;
    url.push_str(&stage.fake.url());
    stage
        .fake
        .domain("mg.other.test", "other-key", "other-reading-key");
    let account = Account::new("mg.other.test", "other-key")
        .and_then(|account| account.base_url(&url))
        .unwrap();
    let config = signalbus_mailgun::MailgunConfig::new(crate::support::account(&stage.fake))
        .tenant(other.clone(), account);
    stage.provider = signalbus_mailgun::Mailgun::new(config).unwrap();
    stage.send(&Parcel::new()).await.unwrap();
    stage.tenant = other;
    stage.send(&Parcel::new()).await.unwrap();
    let keys: Vec<_> = stage
        .fake
        .mails()
        .into_iter()
        .map(|mail| (mail.domain, mail.key))
        .collect();
    let expected = [(DOMAIN, SENDING), ("mg.other.test", "other-key")];
    assert_eq!(keys, expected.map(|(d, k)| (d.to_owned(), k.to_owned())));
}

/// Mailgun takes 16 kB of headers and options; more is refused here, with a reason.
#[tokio::test]
async fn too_many_headers_are_refused_before_anything_is_sent() {
    let options = (0..20).fold(EmailOptions::new(), |options, n| {
        options.header(Header::new(format!("X-H{n}"), "x".repeat(890)).unwrap())
    });
    let stage = stage(|config| config).await;
    let parcel = Parcel::with(&options, &[]);
    let error = stage.send(&parcel).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Permanent);
    assert_eq!(error.fault(), Fault::Message);
    assert_eq!(stage.fake.requests(), 0);
    assert!(!parcel.latch.is_set());
}

#[cfg(feature = "mime")]
#[tokio::test]
async fn the_mime_form_sends_the_mail_itself_to_everybody_who_gets_it() {
    use signalbus_mailgun::SendForm;
    let options = EmailOptions::new()
        .cc("bob@example.org".parse().unwrap())
        .bcc("dan@example.org".parse().unwrap());
    let stage = stage(|config| config.form(SendForm::Mime)).await;
    let parcel = Parcel::with(&options, &[]);
    stage.send(&parcel).await.unwrap();
    let mail = stage.fake.mails().remove(0);
    assert!(mail.is_mime);
    let to: Vec<&str> = mail.all("to").collect();
    assert_eq!(
        to,
        ["Ada@example.org", "bob@example.org", "dan@example.org"]
    );
    assert_eq!(mail.files[0].field, "message");
    let eml = signalbus_smtp::to_eml(&parcel.message).unwrap();
    assert_eq!(mail.files[0].content, eml);
    assert!(mail.field("subject").is_none() && mail.field("h:Message-Id").is_none());
    assert!(mail.field("v:signalbus").is_some());
}

/// Mailgun's own description, where it is given, knows every field of a request, and takes its values.
#[tokio::test]
async fn every_field_is_one_that_the_vendor_describes() {
    let Ok(folder) = std::env::var("SIGNALBUS_VECTORS") else {
        return;
    };
    let file = std::path::Path::new(&folder).join("openapi_mailgun_messages.json");
    let text = std::fs::read_to_string(file).unwrap();
    let description: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schemas = description["components"]["schemas"].as_object().unwrap();
    let (_, schema) = schemas
        .iter()
        .find(|(name, _)| name.contains("messages-multipart") && name.ends_with("RequestBody"))
        .unwrap();
    let files = [
        Attachment::new("logo.png", "image/png", &b"PNG"[..]).inline("logo"),
        Attachment::new("a.pdf", "application/pdf", &b"%PDF"[..]),
    ];
    let options = EmailOptions::new()
        .cc("bob@example.org".parse().unwrap())
        .bcc("dan@example.org".parse().unwrap())
        .header(Header::new("X-Entity-Ref-ID", "88213").unwrap());
    let stage = stage(|config| {
        config
            .require_tls(true)
            .test_mode(true)
            .tracking(true)
            .tag("eu")
    })
    .await;
    let mut parcel = Parcel::with(&options, &files);
    parcel.expires_at = Some(later(stage.clock.now(), Duration::from_secs(5400)));
    stage.send(&parcel).await.unwrap();
    let mail = stage.fake.mails().remove(0);
    let fields = mail.fields.iter().map(|(name, value)| (name, Some(value)));
    let files = mail.files.iter().map(|file| (&file.field, None));
    for (name, value) in fields.chain(files) {
        if name.starts_with("h:") || name.starts_with("v:") {
            continue;
        }
        let property = &schema["properties"][name];
        assert!(property.is_object(), "{name} is not described");
        if let (Some(values), Some(value)) = (property["enum"].as_array(), value) {
            assert!(
                values.iter().any(|known| known == value),
                "{name} is not {value}"
            );
        }
    }
    for required in schema["required"].as_array().unwrap() {
        assert!(
            mail.field(required.as_str().unwrap()).is_some(),
            "{required} is missing"
        );
    }
}
