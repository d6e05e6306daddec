//! Addresses, as they are typed. None is ever shown again.

use std::io::Read as _;

use signalbus::{
    ChannelName,
    channel::{Address as _, email::EmailAddress, sms::PhoneNumber},
    store::{AddressHash, hash_address},
};

use crate::failure::Failure;

/// The hash of an address in its normal form. What another channel than e-mail and text messages
/// calls the normal form is known to its own code only, so there it is taken as it is typed.
///
/// `-` reads it from standard input: what is typed as an argument stands in the list of processes
/// and in the history of the shell.
pub(crate) fn hash(channel: &ChannelName, typed: &str) -> Result<AddressHash, Failure> {
    let mut read = String::new();
    let text = if typed == "-" {
        std::io::stdin()
            .lock()
            .take(4_096)
            .read_to_string(&mut read)?;
        read.trim()
    } else {
        typed
    };
    let wrong = |error| Failure::input("the address cannot be used", error);
    match channel.as_str() {
        "email" => {
            let address = EmailAddress::parse(text).map_err(wrong)?;
            Ok(hash_address(channel, &address))
        }
        "sms" => {
            let number = PhoneNumber::parse(text).map_err(wrong)?;
            Ok(hash_address(channel, &number))
        }
        _ => Ok(AddressHash::of(channel, text)),
    }
}
