//! Messages kept for the next try of a delivery.

use std::fmt::Debug;

use signalbus::{
    Channel,
    channel::{Email, Sms},
    fuzzing,
};

/// Takes bytes for a mail and for a text message. What cannot be read is rendered again.
pub fn target(data: &[u8]) {
    is_read::<Email>(data);
    is_read::<Sms>(data);
    if let Some((mail, _, _)) = fuzzing::kept::<Email>(data) {
        crate::mail::is_writable(&mail);
    }
}

fn is_read<C: Channel<Message: PartialEq + Debug + Clone>>(data: &[u8]) {
    let Some((message, locale, doubt)) = fuzzing::kept::<C>(data) else {
        return;
    };
    let blob = fuzzing::keep::<C>(message.clone(), &locale, doubt).expect("a blob");
    let again = fuzzing::kept::<C>(&blob).expect("it reads what it wrote");
    assert_eq!(again, (message, locale, doubt));
}
