//! Everything that is known about one line of the file.

use std::error::Error;

use signalbus::Signalbus;

use crate::{journal::Journal, publish::EventFile};

pub(crate) async fn print(
    signalbus: &Signalbus,
    journal: &Journal,
    file: &EventFile,
    number: u32,
) -> Result<(), Box<dyn Error>> {
    let Some(entry) = journal.entry(number).await? else {
        return Err(format!("line {number} was not published").into());
    };
    println!("line {number}: {}", entry.verdict);
    if let Some(problem) = &entry.problem {
        println!("{problem}");
    }
    let tenant = file.line(number).and_then(|line| line.tenant());
    let (Some(tenant), Some(event)) = (tenant, entry.event()) else {
        return Ok(());
    };
    let Some(event) = signalbus.event(&tenant, event).await? else {
        return Ok(());
    };
    for delivery in event.deliveries {
        if let Some(story) = signalbus.explain(&tenant, delivery.id).await? {
            print!("\n{story}");
        }
    }
    Ok(())
}
