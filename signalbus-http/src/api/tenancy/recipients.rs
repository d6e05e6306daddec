use signalbus_core::directory::RecipientProfile;

use super::Tenancy;
use crate::api::{
    problem::{Answer, Problem, Wrong},
    words::{ProfileIn, short},
};

impl Tenancy {
    /// A recipient whose addresses are ones of their channels.
    pub(crate) fn check_recipient(&self, asked: ProfileIn) -> Answer<RecipientProfile> {
        let wrong = |field: &str, problem: &str| Problem::new(Wrong::Invalid, problem).field(field);
        for (channel, addresses) in &asked.addresses {
            for address in addresses {
                let problem = self.state.engine().address(&self.tenant, channel, address);
                problem.map_err(|error| {
                    let field = format!("addresses.{}", error.field());
                    Problem::new(Wrong::Invalid, error.problem()).field(field)
                })?;
            }
        }
        if let Some(name) = &asked.name
            && (name.is_empty()
                || name.len() > 320
                || signalbus_core::text::name_problem(name).is_some())
        {
            return Err(wrong("name", "must be 1 to 320 bytes of one line"));
        }
        short(asked.locale.as_deref(), "locale")?;
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
        if let Some(zone) = &asked.time_zone
            && (!(1..=64).contains(&zone.len()) || !zone.bytes().all(plain))
        {
            return Err(wrong("time_zone", "must be a name such as `Europe/Berlin`"));
        }
        Ok(asked.into_profile())
    }
}
