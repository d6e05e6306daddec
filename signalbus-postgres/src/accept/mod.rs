//! Storing events with their deliveries: one statement for any number of events, and a second one
//! where something was there before.

mod columns;
mod insert;
mod join;
mod known;
mod progress;
mod text;

use signalbus_core::store::{Acceptance, NewEvent, StoreError};

pub(crate) use columns::Column;
pub(crate) use join::Joined;
pub(crate) use text::Asked;

use self::progress::{Progress, Step};
use crate::{database::Link, error};

/// Stores what is new; recognises repeats by key, and by id when the same call comes again.
pub(crate) async fn accept(
    link: &mut Link<'_>,
    lanes: u16,
    events: &[NewEvent],
) -> Result<Vec<Acceptance>, StoreError> {
    check(events)?;
    let mut progress = Progress::of(events);
    while let Some(step) = progress.next(events)? {
        let asked: Vec<&NewEvent> = step.places().iter().map(|at| &events[*at]).collect();
        match step {
            Step::Insert(_) => {
                let (now, stored) = insert::insert(link, lanes, &asked).await?;
                progress.inserted(events, &stored, now);
            }
            Step::Find(_) => progress.found(events, known::find(link, &asked).await?),
        }
    }
    Ok(progress.answers())
}

fn check(events: &[NewEvent]) -> Result<(), StoreError> {
    let routeless = events
        .iter()
        .flat_map(|event| &event.deliveries)
        .any(|delivery| delivery.channel.is_none() && delivery.ended.is_none());
    if routeless {
        return Err(error::invalid(
            "a delivery without a channel must have ended when it is accepted",
        ));
    }
    Ok(())
}
