//! E-mail addresses and mailboxes.

use signalbus::channel::{
    Address,
    email::{EmailAddress, Mailbox},
};

use crate::secret;

/// Takes a text for an address, for a mailbox, and for the name of a mailbox.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match EmailAddress::parse(text) {
        Ok(address) => is_sound(&address),
        Err(error) => secret::not_told_by(&error),
    }
    match text.parse::<Mailbox>() {
        Ok(mailbox) => is_sound_mailbox(&mailbox),
        Err(error) => secret::not_told_by(&error),
    }
    let address = EmailAddress::parse("ada@example.org").expect("a good address");
    match Mailbox::new(Some(text), address) {
        Ok(mailbox) => is_sound_mailbox(&mailbox),
        Err(error) => secret::not_told_by(&error),
    }
}

fn is_sound(address: &EmailAddress) {
    let spelled = address.spelled();
    assert!((3..=254).contains(&spelled.len()), "{spelled:?}");
    assert!(address.local_part().len() <= 64, "{spelled:?}");
    assert_eq!(
        spelled,
        format!("{}@{}", address.local_part(), address.domain())
    );
    assert!(!spelled.contains(is_hidden), "{spelled:?}");
    let is_host = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    assert!(address.domain().chars().all(is_host), "{spelled:?}");

    let again = EmailAddress::parse(spelled).expect("an address reads what it wrote");
    assert_eq!(again.spelled(), spelled);
    assert_eq!(again.as_str(), address.as_str());
    // A key is compared and hashed; it can be longer than an address may be.
    if let Ok(key) = EmailAddress::parse(address.as_str()) {
        assert_eq!(key.as_str(), address.as_str());
    }
    let json = serde_json::to_string(address).expect("an address is JSON");
    let read: EmailAddress = serde_json::from_str(&json).expect("JSON is an address");
    assert_eq!(read.spelled(), spelled);
    let shown = format!("EmailAddress(…@{})", address.domain());
    assert_eq!(format!("{address:?}"), shown);
}

fn is_sound_mailbox(mailbox: &Mailbox) {
    is_sound(mailbox.address());
    let name = mailbox.name().unwrap_or_default();
    assert!(name.len() <= Mailbox::MAX_NAME);
    assert!(
        !name.contains(|c: char| c.is_control() || is_break(c) || is_direction(c)),
        "{name:?}"
    );
    let again: Mailbox = mailbox
        .to_text()
        .parse()
        .expect("a mailbox reads what it wrote");
    assert_eq!(&again, mailbox);
    assert_eq!(again.address().spelled(), mailbox.address().spelled());
    let json = serde_json::to_string(mailbox).expect("a mailbox is JSON");
    let read: Mailbox = serde_json::from_str(&json).expect("JSON is a mailbox");
    assert_eq!(&read, mailbox);
    let shown = format!("Mailbox(…@{})", mailbox.address().domain());
    assert_eq!(format!("{mailbox:?}"), shown);
}

/// What has no place in an address: line breaks, controls, and what is not seen.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || is_break(c)
        || is_direction(c)
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

fn is_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
