use std::collections::BTreeMap;

use signalbus_core::directory::RecipientProfile;

use super::Tenancy;
use crate::api::{
    problem::{Answer, Problem, Wrong},
    words::EventIn,
};

/// How many recipients of one request may be looked up: each is a read.
const MOST: usize = 500;

impl Tenancy {
    /// Puts into events what the directory knows of their recipients, where they name one. For each event
    /// what is wrong with it.
    pub(crate) async fn fill(&self, events: &mut [Answer<EventIn>]) -> Answer<()> {
        let mut known = BTreeMap::new();
        for event in events.iter().flatten() {
            for id in event.profiles() {
                if !known.contains_key(id) {
                    known.insert(id.to_owned(), None);
                }
            }
        }
        if known.len() > MOST {
            return Err(Problem::new(
                Wrong::TooLarge,
                "a request may name 500 recipients of the directory: send fewer at a time",
            )
            .field("profile"));
        }
        let documents = self.state.documents::<RecipientProfile>();
        for (id, profile) in &mut known {
            let kept = documents.get(&self.owner(), id).await?;
            *profile = kept.map(|kept| kept.says);
        }
        for event in events {
            if let Ok(filled) = event
                && let Err(problem) = filled.fill(&known)
            {
                *event = Err(problem);
            }
        }
        Ok(())
    }
}
