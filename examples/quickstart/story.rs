//! Everything that is known about one line of the file.

use std::{
    error::Error,
    io::{self, Write as _},
};

use signalbus::Signalbus;

use crate::{journal::Journal, publish::EventFile};

pub(crate) async fn print(
    signalbus: &Signalbus,
    journal: &Journal,
    file: &EventFile,
    number: u32,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let Some(entry) = journal.entry(number).await? else {
        return Err(format!("line {number} was not published").into());
    };
    let mut out = io::stdout().lock();
    writeln!(out, "line {number}: {}", entry.verdict)?;
    if let Some(problem) = &entry.problem {
        writeln!(out, "{problem}")?;
    }
    drop(out);
    let tenant = file.line(number).and_then(|line| line.tenant());
    let (Some(tenant), Some(event)) = (tenant, entry.event()) else {
        return Ok(());
    };
    let Some(event) = signalbus.event(&tenant, event).await? else {
        return Ok(());
    };
    for delivery in event.deliveries {
        if let Some(story) = signalbus.explain(&tenant, delivery.id).await? {
            write!(io::stdout(), "\n{story}")?;
        }
    }
    Ok(())
}
