use super::{Describe, Description};
use crate::channel::sms::{Sms, SmsMessage};

impl Describe for Sms {
    fn describe(sms: &SmsMessage, description: &mut Description) {
        if let Some(sender) = &sms.sender {
            description.field("from", sender);
        }
        description.field("segments", &sms.segments.to_string());
        description.text("text", &sms.text);
    }
}
