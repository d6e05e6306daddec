//! 200 mails with hostile names and subjects, checked by programs that others wrote: Python's
//! `email`, mail-parser, dkimpy and opendkim.

use std::{env, fs, path::Path, process::Command};

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value, json};
use signalbus::{
    Attachment,
    channel::email::{EmailMessage, EmailOptions, Mailbox, Unsubscribe},
};
use signalbus_smtp::{DkimKey, DkimKeys, to_eml};

use crate::support::Parcel;

const MAILS: usize = 200;

/// Names, subjects and texts that have broken mail programs, in many scripts.
const TEXTS: [&str; 25] = [
    "Ada Lovelace",
    "O'Brien, \"Pat\" <ceo@acme.test>",
    "Booking.com",
    ".NET",
    "Lovelace, Ada (Countess); a:b@c",
    "back\\slash \\\" quote",
    "=?utf-8?q?a=0D=0ABcc=3A_x?=",
    "=?utf-8?b?YQ==?= =?utf-8?b?YQ==?=",
    "two  spaces   and more",
    "Grüße aus München",
    "請求書が届きました",
    "您的发票已经准备好了，请查收附件中的文件",
    "فاتورتك جاهزة الآن",
    "החשבונית שלך מוכנה",
    "Ваш счёт готов к оплате",
    "आपका चालान तैयार है",
    "👩‍👩‍👧‍👦 🏳️‍🌈 family",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "a very long subject that goes on and on and has to be folded more than once before it ends here",
    "averylongwordwithoutanyspacethatcannotbefoldedaveryveryverylongwordindeedwhichgoesonandonandon",
    "ü",
    "%s %n ${jndi:ldap://x} {{ 7*7 }} <script>",
    "'; DROP TABLE mails; --",
    "Tomorrow's \u{201c}news\u{201d} \u{2014} 50% off\u{2026}",
    "trailing dot.",
];

/// What is in a mail, and must come out of it.
struct Sample {
    message: EmailMessage,
    subject: String,
    name: String,
    file: String,
}

/// The same in every run: each text meets others as names, subjects and files.
fn samples() -> Vec<Sample> {
    (0..MAILS)
        .map(|number| {
            let text = |step: usize| TEXTS[(number * step + number / TEXTS.len()) % TEXTS.len()];
            let copy: Mailbox = format!("\"{}\" <bob-{number}@example.org>", escaped(text(3)))
                .parse()
                .unwrap();
            let url = format!(
                "https://acme.test/leave/{number}/{}",
                "0123456789".repeat(number % 30)
            );
            let options = EmailOptions::new()
                .cc(copy)
                .unsubscribe(Unsubscribe::new(url).unwrap());
            let body = format!(
                "{}\n.\n..\n {}\t\n",
                text(7),
                text(11).repeat(number % 20 + 1)
            );
            let mut message = Parcel::with("ada@example.org", &options, &body).message;
            message.subject = text(1).to_owned();
            message.to = Mailbox::new(Some(text(2)), "ada@example.org".parse().unwrap()).unwrap();
            message.html = (number % 3 == 0).then(|| format!("<p>{}</p>\n", text(13)));
            let file: String = text(5).replace(['/', '\\', '"'], "_");
            message.attachments = vec![Attachment::new(
                file.as_str(),
                "text/plain; charset=utf-8",
                text(9).as_bytes().to_vec(),
            )];
            Sample {
                subject: text(1).to_owned(),
                name: text(2).to_owned(),
                file,
                message,
            }
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn keys() -> Vec<DkimKey> {
    [
        ("rsa2026", include_str!("../keys/rsa.pem")),
        ("ed2026", include_str!("../keys/ed25519.pem")),
    ]
    .map(|(selector, pem)| DkimKey::new("acme.test", selector, pem).unwrap())
    .to_vec()
}

fn signed(sample: &Sample) -> Vec<u8> {
    let keys = keys().into_iter().fold(DkimKeys::new(), DkimKeys::with);
    let mail = to_eml(&sample.message).unwrap();
    let tenant = signalbus::TenantId::default();
    // Verifiers refuse a signature of the future, and the samples are of 2030.
    keys.sign(&tenant, "acme.test", mail, 1_700_000_000)
        .unwrap()
}

#[test]
fn another_parser_reads_what_was_written() {
    for sample in samples() {
        let mail = signed(&sample);
        let read = MessageParser::default().parse(&mail).unwrap();
        assert_eq!(read.subject(), Some(&*sample.subject));
        let to = read.to().unwrap().first().unwrap();
        assert_eq!(to.name(), Some(&*sample.name));
        assert_eq!(to.address(), Some("ada@example.org"));
        let file = read.attachments().next().unwrap();
        assert_eq!(file.attachment_name(), Some(&*sample.file));
        for line in mail.split(|byte| *byte == b'\n') {
            assert!(line.len() <= 999, "a line of {}", line.len());
        }
    }
}

/// Runs a Python with `dkimpy` on all of them; it says what it read of each.
#[test]
fn python_reads_what_was_written_and_finds_the_signatures_good() {
    let folder = tempfile::tempdir().unwrap();
    let samples = samples();
    for (number, sample) in samples.iter().enumerate() {
        fs::write(
            folder.path().join(format!("{number:03}.eml")),
            signed(sample),
        )
        .unwrap();
    }
    let records: serde_json::Map<String, Value> = keys()
        .iter()
        .map(|key| {
            let (name, value) = key.record();
            (format!("{name}."), json!(value))
        })
        .collect();
    let records_file = folder.path().join("records.json");
    fs::write(&records_file, Value::Object(records).to_string()).unwrap();
    let python = env::var("SIGNALBUS_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/check_mails.py");
    let output = Command::new(python)
        .args([script.as_ref(), folder.path(), &records_file])
        .output()
        .expect("python3 has to be there, or SIGNALBUS_TEST_PYTHON has to name one");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "`pip install dkimpy pynacl`, or set SIGNALBUS_TEST_PYTHON to a Python that has them: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(read.len(), MAILS);
    for (sample, read) in samples.iter().zip(read) {
        let expected = json!({
            "defects": [],
            "subject": sample.subject,
            "name": sample.name,
            "address": "ada@example.org",
            "file": sample.file,
            "signatures": [true, true],
            "tampered": [false, false],
            "unsubscribe": "List-Unsubscribe=One-Click",
        });
        assert_eq!(read, expected);
    }
}

/// Every tenth, as each takes a process.
#[test]
fn opendkim_finds_the_signatures_good() {
    let folder = tempfile::tempdir().unwrap();
    let records: Vec<String> = keys()
        .iter()
        .map(|key| {
            let (name, value) = key.record();
            format!("{name} {value}\n")
        })
        .collect();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("dns.txt"), records.concat()).unwrap();
    let config = format!(
        "Mode v\nSyslog no\nTestDNSData {}\n",
        path("dns.txt").display()
    );
    fs::write(path("opendkim.conf"), config).unwrap();
    for (number, sample) in samples().iter().enumerate().step_by(10) {
        let mail = signed(sample);
        let said = |mail: &[u8]| opendkim(&path("opendkim.conf"), &path("mail.eml"), mail);
        assert_eq!(said(&mail), 2, "mail {number}");
        let text = String::from_utf8(mail).unwrap();
        let changed = text.replacen("Date: Tue", "Date: Wed", 1);
        assert_eq!(said(changed.as_bytes()), 0, "mail {number} was changed");
    }
}

/// How many signatures it finds good.
fn opendkim(config: &Path, file: &Path, mail: &[u8]) -> usize {
    // It reads files of its own system, with LF.
    let text = String::from_utf8_lossy(mail).replace("\r\n", "\n");
    fs::write(file, text).unwrap();
    let program = env::var("SIGNALBUS_TEST_OPENDKIM").unwrap_or_else(|_| "opendkim".to_owned());
    let output = Command::new(program)
        .arg("-x")
        .arg(config)
        .arg("-vvv")
        .arg("-t")
        .arg(file)
        .output()
        .expect("`apt-get install opendkim`, or set SIGNALBUS_TEST_OPENDKIM to the program");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("dkim="), "{said}");
    said.matches("dkim=pass ").count()
}
