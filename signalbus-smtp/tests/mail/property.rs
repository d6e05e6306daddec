use mail_parser::MimeHeaders;
use proptest::{collection::vec, option, prelude::*};
use signalbus::{
    Attachment,
    channel::{
        Email,
        email::{EmailAddress, EmailOptions, Mailbox},
    },
};

use crate::support::{Draft, crlf, eml, people, person, read};

/// Text with the characters that headers and encodings care about, and any other.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => any::<char>().prop_map(String::from),
        4 => "[a-zA-Z0-9 ]{1,12}",
        2 => "[\"\\\\<>@,;:()=?_.%'\\[\\] -]{1,4}",
        1 => Just("=?utf-8?q?x?=".to_owned()),
        1 => Just("\u{200f}مرحبا ".to_owned()),
        1 => Just("日本語".to_owned()),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A line without controls, as the channel takes it.
fn line() -> impl Strategy<Value = String> {
    tricky().prop_filter_map("is refused by the channel", |text| {
        let refused = |c: char| {
            c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let text: String = text.chars().filter(|c| !refused(*c)).collect();
        let text = text.trim();
        (!text.is_empty() && text.len() <= 300).then(|| text.to_owned())
    })
}

fn body() -> impl Strategy<Value = String> {
    vec(tricky(), 0..5).prop_map(|lines| lines.join("\n").replace('\0', "") + ".")
}

/// Addresses that the other parser can read: it knows no quoted local parts.
fn address() -> impl Strategy<Value = EmailAddress> {
    "[a-zA-Z0-9äلا本!#$%&'*+/=?^_`{|}~-]{1,20}@([a-z0-9äö]{1,15}\\.){0,3}(example|test|org)"
        .prop_filter_map("is refused", |text| text.parse().ok())
}

fn mailbox() -> impl Strategy<Value = Mailbox> {
    (option::of(line()), address())
        .prop_map(|(name, address)| Mailbox::new(name.as_deref(), address).unwrap())
}

fn attachment() -> impl Strategy<Value = Attachment> {
    (
        line(),
        vec(any::<u8>(), 0..200),
        option::of("[a-z0-9.@-]{1,20}"),
    )
        .prop_map(|(name, content, id)| {
            let name: String = name.chars().filter(|c| !r#"/\""#.contains(*c)).collect();
            let name: String = name.chars().take(60).collect();
            let file = Attachment::new(format!("f{name}"), "application/x-test", content);
            match id {
                Some(id) => file.inline(id),
                None => file,
            }
        })
}

prop_compose! {
    fn draft()(
        from in mailbox(),
        to in address(),
        name in option::of(line()),
        subject in line(),
        text in body(),
        html in body(),
        bodies in 0..3,
        cc in vec(mailbox(), 0..4),
        bcc in vec(mailbox(), 0..2),
        mut attachments in vec(attachment(), 0..4),
    ) -> Draft {
        attachments.sort_by(|a, b| a.content_id.cmp(&b.content_id));
        attachments.dedup_by(|a, b| a.content_id.is_some() && a.content_id == b.content_id);
        let mut options = EmailOptions::new();
        options.cc = cc;
        options.bcc = bcc;
        Draft {
            from: Email::from_mailbox(from),
            to,
            name,
            subject,
            text: (bodies != 1).then_some(text),
            html: (bodies != 0).then_some(html),
            options,
            attachments,
        }
    }
}

proptest! {
    #[test]
    fn any_message_builds_and_reads_back(draft in draft()) {
        let message = draft.message();
        let eml = eml(&message);
        let mail = read(&eml);

        prop_assert_eq!(mail.subject(), Some(&*message.subject));
        prop_assert_eq!(people(mail.from()), [person(&message.from)]);
        prop_assert_eq!(people(mail.to()), [person(&message.to)]);
        let cc: Vec<_> = message.cc.iter().map(person).collect();
        prop_assert_eq!(people(mail.cc()), cc);
        prop_assert!(mail.bcc().is_none());

        let part = |subtype: &str| {
            mail.parts
                .iter()
                .filter(|part| part.content_id().is_none())
                .find(|part| {
                    let content_type = part.content_type();
                    content_type.is_some_and(|found| found.subtype() == Some(subtype))
                })
                .and_then(|part| Some(part.text_contents()?.to_owned()))
        };
        prop_assert_eq!(part("plain"), message.text.as_deref().map(crlf));
        prop_assert_eq!(part("html"), message.html.as_deref().map(crlf));

        let mut sent: Vec<_> = message
            .attachments
            .iter()
            .map(|file| (file.file_name.clone(), file.content.to_vec()))
            .collect();
        let mut found: Vec<_> = mail
            .parts
            .iter()
            .filter_map(|part| Some((part.attachment_name()?.to_owned(), part.contents().to_vec())))
            .collect();
        sent.sort();
        found.sort();
        prop_assert_eq!(found, sent);
    }
}
