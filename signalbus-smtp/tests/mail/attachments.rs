use mail_parser::{Message, MimeHeaders};
use signalbus::Attachment;

use crate::support::{Draft, read};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe";

fn types(mail: &Message<'_>) -> Vec<String> {
    mail.parts
        .iter()
        .map(|part| {
            let content_type = part.content_type().unwrap();
            format!(
                "{}/{}",
                content_type.ctype(),
                content_type.subtype().unwrap()
            )
        })
        .collect()
}

fn draft(attachments: Vec<Attachment>) -> Draft {
    Draft {
        text: Some("see below\n".to_owned()),
        html: Some("<img src=\"cid:logo@acme\">".to_owned()),
        attachments,
        ..Draft::default()
    }
}

#[test]
fn files_and_images_arrive_byte_for_byte() {
    let all_bytes: Vec<u8> = (0..=255).collect();
    let eml = draft(vec![
        Attachment::new("invoice.pdf", "application/pdf", all_bytes.clone()),
        Attachment::new("logo.png", "image/png", PNG).inline("logo@acme"),
        Attachment::new("empty.bin", "application/octet-stream", &b""[..]),
    ])
    .eml();
    let mail = read(&eml);
    assert_eq!(
        types(&mail),
        [
            "multipart/mixed",
            "multipart/related",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "image/png",
            "application/pdf",
            "application/octet-stream",
        ]
    );
    let related = mail.parts[1].content_type().unwrap();
    assert_eq!(related.attribute("type"), Some("multipart/alternative"));

    let image = &mail.parts[5];
    assert_eq!(image.contents(), PNG);
    assert_eq!(image.content_id(), Some("logo@acme"));
    assert!(image.content_disposition().unwrap().is_inline());
    assert_eq!(image.attachment_name(), Some("logo.png"));

    let file = &mail.parts[6];
    assert_eq!(file.contents(), all_bytes);
    assert!(file.content_disposition().unwrap().is_attachment());
    assert_eq!(file.attachment_name(), Some("invoice.pdf"));
    assert_eq!(mail.parts[7].contents(), b"");

    assert_eq!(mail.body_text(0).unwrap(), "see below\r\n");
    assert_eq!(mail.body_html(0).unwrap(), "<img src=\"cid:logo@acme\">");
}

#[test]
fn only_the_layers_that_are_needed() {
    let file = || Attachment::new("a.pdf", "application/pdf", &b"%PDF"[..]);
    let image = || Attachment::new("logo.png", "image/png", PNG).inline("logo@acme");
    let html_only = |attachments| Draft {
        text: None,
        ..draft(attachments)
    };
    let text_only = |attachments| Draft {
        html: None,
        ..draft(attachments)
    };
    let table: [(Draft, &[&str]); 5] = [
        (
            html_only(vec![file()]),
            &["multipart/mixed", "text/html", "application/pdf"],
        ),
        (
            html_only(vec![image()]),
            &["multipart/related", "text/html", "image/png"],
        ),
        (
            text_only(vec![file()]),
            &["multipart/mixed", "text/plain", "application/pdf"],
        ),
        // No HTML shows the image: it is a file like any other.
        (
            text_only(vec![image()]),
            &["multipart/mixed", "text/plain", "image/png"],
        ),
        (
            draft(vec![file()]),
            &[
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "application/pdf",
            ],
        ),
    ];
    for (draft, expected) in table {
        assert_eq!(types(&read(&draft.eml())), expected);
    }
    let eml = text_only(vec![image()]).eml();
    let disposition = &read(&eml).parts[2];
    assert!(disposition.content_disposition().unwrap().is_attachment());
}

#[test]
fn file_names_arrive_as_they_are() {
    let long_ascii = format!("{}.pdf", "n".repeat(251));
    let long_unicode = format!("{}.pdf", "請".repeat(83));
    for name in [
        "invoice.pdf",
        "two words.pdf",
        "Rechnung über 12 €.pdf",
        "فاتورة.pdf",
        "請求書.pdf",
        "🎉.png",
        "it's 100% (final); v=2, utf-8''x.pdf",
        "=?utf-8?q?a?=.pdf",
        "<b>.html",
        &long_ascii,
        &long_unicode,
    ] {
        let file = Attachment::new(name, "application/pdf", &b"%PDF"[..]);
        let image = Attachment::new(name, "image/png", PNG).inline("a");
        let eml = draft(vec![file, image]).eml();
        let mail = read(&eml);
        let names: Vec<_> = mail
            .parts
            .iter()
            .filter_map(|part| part.attachment_name())
            .collect();
        assert_eq!(names, [name, name]);
    }
}

#[test]
fn mails_and_multiparts_travel_as_plain_bytes() {
    let inner = Draft::default().eml();
    for content_type in ["message/rfc822", "multipart/mixed;boundary=x"] {
        let eml = draft(vec![Attachment::new(
            "fwd.eml",
            content_type,
            inner.clone(),
        )])
        .eml();
        let mail = read(&eml);
        let part = mail.parts.last().unwrap();
        assert_eq!(part.content_type().unwrap().subtype(), Some("octet-stream"));
        assert_eq!(part.contents(), inner);
    }
}

#[test]
fn ten_megabytes_arrive_byte_for_byte() {
    let mut content = Vec::with_capacity(10 * 1024 * 1024);
    let mut state = 1_u32;
    while content.len() < 10 * 1024 * 1024 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        content.extend_from_slice(&state.to_be_bytes());
    }
    let eml = draft(vec![Attachment::new(
        "big.bin",
        "application/zip",
        content.clone(),
    )])
    .eml();
    let mail = read(&eml);
    assert!(mail.parts.last().unwrap().contents() == content);
}
