//! A copy from the past: it starts paused, and what was open and due in it counts as possibly sent.

use signalbus_core::store::{Pause, Paused, StoreError};

use crate::{
    codec::{Columns, micros},
    database::Link,
    pauses,
    schema::LOCK,
};

/// What was done about a copy from the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// How many deliveries count as possibly sent.
    pub possibly_sent: u64,
    /// Whether everything was paused by this; false when it was before.
    pub paused: bool,
}

/// Who pauses.
const ACTOR: &str = "signalbus-postgres";

/// Why, and what to do.
const REASON: &str =
    "the tables are a restored copy: what is open may have been sent since; look, then resume";

/// Whether the row is where it was written, and by the transaction that it names.
const AT_HOME: &str = "SELECT i.written % 4294967296 = i.xmin::text::bigint
            AND i.relation = i.tableoid::bigint FROM signalbus.installation AS i";

async fn at_home(link: &mut Link<'_>) -> Result<Option<bool>, StoreError> {
    let rows = link.rows(link.query(AT_HOME)).await?;
    rows.first()
        .map(|row| Columns::of(row).take::<bool>())
        .transpose()
}

/// Finds out whether these tables are a copy, and treats them as one. Runs in a transaction.
pub(crate) async fn look(link: &mut Link<'_>, schema: &str) -> Result<(), StoreError> {
    match at_home(link).await? {
        Some(true) => Ok(()),
        None => sign(link).await,
        Some(false) => {
            let lock = link.query(LOCK).bind(schema.to_owned());
            link.run(lock).await?;
            // Somebody may have been faster.
            if at_home(link).await? == Some(false) {
                let restored = treat(link, schema).await?;
                tracing::warn!(
                    possibly_sent = restored.possibly_sent,
                    "the tables are a restored copy: everything is paused, and what was open and due counts as possibly sent"
                );
            }
            Ok(())
        }
    }
}

/// Says that the tables are at home here.
async fn sign(link: &mut Link<'_>) -> Result<(), StoreError> {
    let sign = link.query(
        "INSERT INTO signalbus.installation (written, relation)
         SELECT pg_current_xact_id()::text::bigint, 'signalbus.installation'::regclass::oid::bigint
         ON CONFLICT DO NOTHING",
    );
    link.run(sign).await.map(drop)
}

/// Pauses everything and gives up what was in hand, as after a crash of whoever had it.
pub(crate) async fn treat(link: &mut Link<'_>, schema: &str) -> Result<Restored, StoreError> {
    let lock = link.query(LOCK).bind(schema.to_owned());
    link.run(lock).await?;
    let now = link.now().await?;
    let pause = Pause::new(Paused::everything(), ACTOR, REASON);
    let paused = pauses::pause(link, now, &pause).await?;
    // Whoever had lanes is not there any more.
    link.run(link.query("DELETE FROM signalbus.worker")).await?;
    let free = link.query("UPDATE signalbus.lane SET worker = NULL, epoch = epoch + 1");
    link.run(free).await?;
    // As if they had been claimed by an owner that is gone. What was not due yet was not sent.
    let claim = link
        .query(
            "UPDATE signalbus.delivery SET state = 2, attempt = attempt + 1, claim_epoch = -1,
                 claimed_at = $1, alone = false
             WHERE state IN (0, 1, 3, 4, 5) AND due <= $1",
        )
        .bind(micros(now));
    let possibly_sent = link.run(claim).await?;
    let left = link.query("DELETE FROM signalbus.installation");
    link.run(left).await?;
    sign(link).await?;
    Ok(Restored {
        possibly_sent,
        paused,
    })
}
