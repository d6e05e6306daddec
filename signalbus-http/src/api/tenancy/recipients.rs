use signalbus_core::{
    directory::{Expect, RecipientProfile},
    store::Erased,
};

use super::Tenancy;
use crate::api::{
    Somebody,
    problem::{Answer, Problem, Wrong},
    words::{EraseIn, ProfileIn, short},
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

    /// Forgets somebody: what the store keeps of them, and their entry of the directory. Says what was
    /// forgotten, and whether there was such an entry.
    pub(crate) async fn erase(&self, asked: EraseIn) -> Answer<(Erased, bool)> {
        let who = asked.into_somebody()?;
        // What is wrong with an address is told by its place, before anything is forgotten.
        for (place, somebody) in who.iter().enumerate() {
            if let Somebody::Address { channel, address } = somebody {
                let known = self.state.engine().address(&self.tenant, channel, address);
                known.map_err(|error| {
                    let field = format!("who[{place}].{}", error.field());
                    Problem::new(Wrong::Invalid, error.problem()).field(field)
                })?;
            }
        }
        let engine = self.state.engine();
        let erased = engine.erase(&self.tenant, &who, &self.actor).await?;
        let documents = self.state.documents::<RecipientProfile>();
        let mut profile = false;
        for somebody in &who {
            let Somebody::Id(id) = somebody else { continue };
            if documents.get(&self.owner(), id).await?.is_some() {
                let (owner, action) = (self.owner(), "recipient.removed");
                let removed = documents.remove(&self.actor, &owner, id, Expect::Any, action);
                profile |= removed.await?;
            }
        }
        // Not who: that would be what was to be forgotten.
        let told = format!("{} recipients of events", erased.recipients);
        self.done("recipient.erased", told).await?;
        Ok((erased, profile))
    }
}
