//! The commands: one file each.

mod cancel;
mod consent;
mod doctor;
mod event;
mod explain;
mod health;
mod keys;
mod list;
mod migrate;
mod pauses;
mod reach;
mod redrive;
mod render;
mod restored;
mod suppressions;
mod tally;

use crate::{
    answer::Answer,
    arguments::{Arguments, Command, Hidden},
    failure::Failure,
    target::Target,
};

pub(crate) async fn run(arguments: Arguments) -> Result<Answer, Failure> {
    let store = match arguments.store {
        Some(Hidden(typed)) => Some(Target::parse(&typed).map_err(Failure::Usage)?),
        None => None,
    };
    match arguments.command {
        Command::Migrate(consent) => migrate::run(&named(store)?, &consent).await,
        Command::Restored(consent) => restored::run(&named(store)?, &consent).await,
        Command::Doctor(asked) => doctor::run(store.as_ref(), &asked).await,
        Command::Health(asked) => health::run(&named(store)?, &asked).await,
        Command::Explain { delivery, tenant } => {
            explain::run(&named(store)?, &tenant, delivery).await
        }
        Command::Event { event, tenant } => event::run(&named(store)?, &tenant, event).await,
        Command::List {
            state,
            filter,
            page,
        } => list::run(&named(store)?, list::filter(&filter, state), &page).await,
        Command::DeadLetters { filter, page } => {
            list::run(&named(store)?, list::filter(&filter, None).dead(), &page).await
        }
        Command::Tally { state, filter } => {
            tally::run(&named(store)?, &list::filter(&filter, state)).await
        }
        Command::Redrive(asked) => redrive::run(&named(store)?, &asked).await,
        Command::Cancel { what } => cancel::run(&named(store)?, &what).await,
        Command::Render(asked) => render::run(&asked),
        Command::Pauses { what } => pauses::run(&named(store)?, &what).await,
        Command::Keys { what } => keys::run(&named(store)?, &what).await,
        Command::Suppressions { what } => suppressions::run(&named(store)?, &what).await,
    }
}

fn named(store: Option<Target>) -> Result<Target, Failure> {
    store.ok_or_else(|| {
        let hint = "name the store: --store sqlite:PATH or --store postgres://user@host/database, \
                    or set SIGNALBUS_STORE";
        Failure::Usage(hint.to_owned())
    })
}
