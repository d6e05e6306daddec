use mail_parser::MimeHeaders;

use crate::support::{Draft, crlf, read};

/// One mail in each language of the examples: subject, text, HTML.
const LOCALES: [(&str, &str, &str, &str); 5] = [
    (
        "en",
        "Invoice AC-88241 is paid",
        "Hi Zoë,\n\nwe received 12.50 EUR. Thank you!\n\n-- \nAcme",
        "<!DOCTYPE html><html lang=\"en\"><p>Hi <b>Zoë</b> &amp; Co.</p></html>",
    ),
    (
        "de",
        "Rechnung AC-88241 ist bezahlt – danke",
        "Grüß Gott Frau Österreicher,\n\nwir haben 1.249,00 € erhalten.\n",
        "<html lang=\"de\"><p>Grüß Gott „Änne“ ß</p></html>",
    ),
    (
        "pt",
        "Sua fatura está paga",
        "Olá João,\n\nrecebemos R$ 1.249,00. Até já, coração!\n",
        "<html lang=\"pt\"><p>Olá João Gonçalves, à vista</p></html>",
    ),
    (
        "ar",
        "شكرًا لك على الدفع",
        "مرحبًا ليلى،\n\nاستلمنا دفعتك بتاريخ \u{200e}2026-11-23.\n",
        "<html lang=\"ar\" dir=\"rtl\"><p>مرحبًا <span dir=\"auto\">Layla</span>،</p></html>",
    ),
    (
        "ja",
        "お支払いありがとうございます",
        "山田 太郎 様\n\n1,249円のお支払いを確認しました。𠮷\n",
        "<html lang=\"ja\"><p>山田 太郎 様🎉</p></html>",
    ),
];

#[test]
fn every_language_arrives_as_it_is() {
    for (locale, subject, text, html) in LOCALES {
        let draft = Draft {
            name: Some(subject.to_owned()),
            subject: subject.to_owned(),
            text: Some(text.to_owned()),
            html: Some(html.to_owned()),
            ..Draft::default()
        };
        let eml = draft.eml();
        let mail = read(&eml);
        assert_eq!(mail.subject(), Some(subject), "{locale}");
        assert_eq!(
            mail.to().unwrap().first().unwrap().name(),
            Some(subject),
            "{locale}"
        );
        assert_eq!(mail.body_text(0).unwrap(), crlf(text), "{locale}");
        assert_eq!(mail.body_html(0).unwrap(), html, "{locale}");
        let root = mail.root_part().content_type().unwrap();
        assert_eq!(
            (root.ctype(), root.subtype()),
            ("multipart", Some("alternative"))
        );
        // The last alternative is the one to show (RFC 2046 section 5.1.4).
        let types: Vec<_> = mail
            .parts
            .iter()
            .filter_map(|part| part.content_type()?.subtype())
            .collect();
        assert_eq!(types, ["alternative", "plain", "html"], "{locale}");
    }
}

#[test]
fn one_body_is_no_multipart() {
    for (text, html) in [(Some("Grüße\n"), None), (None, Some("<p>Grüße</p>\n"))] {
        let eml = Draft {
            text: text.map(str::to_owned),
            html: html.map(str::to_owned),
            ..Draft::default()
        }
        .eml();
        let mail = read(&eml);
        let content_type = mail.root_part().content_type().unwrap();
        let subtype = if html.is_some() { "html" } else { "plain" };
        assert_eq!(
            (content_type.ctype(), content_type.subtype()),
            ("text", Some(subtype))
        );
        assert_eq!(content_type.attribute("charset"), Some("utf-8"));
        assert_eq!(mail.parts.len(), 1);
        let body = mail.parts[0].text_contents().unwrap();
        assert_eq!(body, crlf(text.or(html).unwrap()));
    }
}

#[test]
fn awkward_text_arrives_as_it_is() {
    let long_line = "x".repeat(100_000);
    for text in [
        "\n.",
        "\n\n\nlines\n\n\n",
        ".\n..\nfrom the start\n.",
        "From here on\nFrom: mallory@evil.test\n",
        "trailing spaces   \nand tabs\t\n",
        "=3D =\n==\n=_",
        "--=_signalbus_alternative\n--=_signalbus_alternative--\n--=_signalbus_mixed--",
        "\u{feff}byte order mark",
        "controls \u{1}\u{b}\u{1b}[31m\u{7f}",
        "direction \u{202e}txt.exe\u{202c}",
        "mixed\rline\r\nbreaks\n",
        &long_line,
        &"ä".repeat(50_000),
        &("\n".repeat(100_000) + "x" + &"\n".repeat(100_000)),
    ] {
        let html = "<p>\u{e4}</p>".to_owned();
        for html in [None, Some(html)] {
            let eml = Draft {
                text: Some(text.to_owned()),
                html: html.clone(),
                ..Draft::default()
            }
            .eml();
            let mail = read(&eml);
            let part = mail.text_bodies().next().unwrap();
            let shown = &text[..text.len().min(40)];
            assert_eq!(part.text_contents().unwrap(), crlf(text), "{shown:?}");
            if let Some(html) = html {
                assert_eq!(mail.body_html(0).unwrap(), html, "{shown:?}");
            }
        }
    }
}

/// Inserted one by one, as lettre does, two million line breaks take minutes.
#[test]
fn a_body_of_nothing_but_line_breaks_is_quick() {
    let text = "\n".repeat(2 * 1024 * 1024 - 1) + "x";
    let eml = Draft {
        text: Some(text.clone()),
        ..Draft::default()
    }
    .eml();
    assert!(eml.len() >= 2 * text.len());
}
