//! Forgets what every group has acknowledged, and nothing else.

use std::time::Duration;

use redis::{Value, pipe};
use signalbus_core::bus::BusError;

use crate::{
    connection::Connection,
    entry::text,
    group::{Told, groups},
};

const DOING: &str = "trimming";

/// Trims a stream up to the oldest entry that some group still needs.
pub(crate) async fn trim(connection: &Connection, stream: &str) -> Result<(), BusError> {
    let mut oldest: Option<(u64, u64)> = None;
    for group in groups(connection, stream, DOING).await? {
        let needed = needed(connection, stream, &group).await?;
        let Some(needed) = needed else {
            return Ok(());
        };
        oldest = Some(oldest.map_or(needed, |other| other.min(needed)));
    }
    let Some((millis, number)) = oldest else {
        return Ok(());
    };
    let mut trim = pipe();
    trim.cmd("XTRIM")
        .arg(stream)
        .arg("MINID")
        .arg(format!("{millis}-{number}"))
        .ignore();
    connection.run(DOING, &trim, Duration::ZERO).await
}

/// The oldest entry that a group has not acknowledged, handed out or not.
async fn needed(
    connection: &Connection,
    stream: &str,
    group: &Told,
) -> Result<Option<(u64, u64)>, BusError> {
    let mut ask = pipe();
    ask.cmd("XPENDING").arg(stream).arg(&group.name);
    let (pending,): (Value,) = connection.run(DOING, &ask, Duration::ZERO).await?;
    let Value::Array(parts) = pending else {
        return Ok(None);
    };
    let smallest = parts.into_iter().nth(1).and_then(text);
    Ok(match smallest {
        Some(smallest) => id(&smallest),
        None => id(&group.last_delivered).map(|(millis, number)| (millis, number + 1)),
    })
}

fn id(text: &str) -> Option<(u64, u64)> {
    let (millis, number) = text.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}
