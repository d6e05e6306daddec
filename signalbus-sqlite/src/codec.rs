//! How values are written in columns; the numbers are those of `migrations/0001_create.sql`.

use signalbus_core::{
    clock::Timestamp,
    event::{Class, Order},
    store::{LaneId, StoreError},
};
use sqlx::{Row, Sqlite, sqlite::SqliteRow};

use crate::error;

/// How much it takes until a receipt proves that a message was sent.
pub(crate) const SENT_RANK: u8 = 2;

pub(crate) const fn class_code(class: Class) -> i64 {
    match class {
        Class::Urgent => 0,
        Class::Standard => 1,
        Class::Bulk => 2,
    }
}

pub(crate) fn class_of(code: i64) -> Result<Class, StoreError> {
    Class::ALL
        .into_iter()
        .find(|class| class_code(*class) == code)
        .ok_or_else(|| error::corrupt("a class is not known"))
}

pub(crate) const fn order_code(order: Order) -> i64 {
    match order {
        Order::Unordered => 0,
        Order::Start => 1,
        Order::Strict => 2,
        Order::StrictBlocking => 3,
    }
}

pub(crate) fn order_of(code: i64) -> Result<Order, StoreError> {
    Ok(match code {
        0 => Order::Unordered,
        1 => Order::Start,
        2 => Order::Strict,
        3 => Order::StrictBlocking,
        _ => return Err(error::corrupt("an order is not known")),
    })
}

pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// Reads what [`micros`] wrote. `Timestamp::from_microsecond` would refuse all but the first moment
/// of the last second there is.
pub(crate) fn time(micros: i64) -> Result<Timestamp, StoreError> {
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or_default();
    Timestamp::new(micros.div_euclid(1_000_000), nanos)
        .map_err(|source| error::corrupt("a time cannot be read").with_source(source))
}

/// Tells message ids apart by 64 bits (FNV-1a), so that their index stays small; whoever finds a
/// row by it compares the id too.
pub(crate) fn message_hash(message_id: &str) -> i64 {
    message_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
        .cast_signed()
}

/// The columns of a row, one after the other.
pub(crate) struct Columns<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(crate) fn of(row: &'r SqliteRow) -> Self {
        Self { row, next: 0 }
    }

    /// The next column as it is. One without a value is damaged: sqlx would call it zero.
    pub(crate) fn take<T>(&mut self) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        self.take_or_none()?
            .ok_or_else(|| error::corrupt("a value is missing"))
    }

    /// The next column as it is, if it has a value.
    pub(crate) fn take_or_none<T>(&mut self) -> Result<Option<T>, StoreError>
    where
        T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        let value = self.row.try_get(self.next).map_err(error::of)?;
        self.next += 1;
        Ok(value)
    }

    /// The next column as a smaller number.
    pub(crate) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        T::try_from(self.take()?).map_err(|_| error::corrupt("a number is out of its range"))
    }

    /// The next column as a name; an empty one is none.
    pub(crate) fn name_if_any<T>(&mut self) -> Result<Option<T>, StoreError>
    where
        T: TryFrom<String, Error = signalbus_core::name::NameError>,
    {
        let name: String = self.take()?;
        let name = Some(name).filter(|name| !name.is_empty());
        name.map(T::try_from)
            .transpose()
            .map_err(|source| error::corrupt("a name cannot be read").with_source(source))
    }

    /// The next column as sixteen bytes, if it has a value.
    pub(crate) fn bytes_or_none(&mut self) -> Result<Option<[u8; 16]>, StoreError> {
        let bytes: Option<Vec<u8>> = self.take_or_none()?;
        bytes
            .map(<[u8; 16]>::try_from)
            .transpose()
            .map_err(|_| error::corrupt("a key has not 16 bytes"))
    }

    /// The next column as an id, if it has a value.
    pub(crate) fn uuid_or_none(&mut self) -> Result<Option<uuid::Uuid>, StoreError> {
        Ok(self.bytes_or_none()?.map(uuid::Uuid::from_bytes))
    }

    /// The next column as a lane.
    pub(crate) fn lane(&mut self) -> Result<LaneId, StoreError> {
        self.number().map(LaneId::from_stored)
    }

    /// The next column as a time.
    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        time(self.take()?)
    }

    /// The next column as a time, if there is one.
    pub(crate) fn time_or_none(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.take_or_none()?.map(time).transpose()
    }

    /// The next column as a UUID in 16 bytes.
    pub(crate) fn uuid(&mut self) -> Result<uuid::Uuid, StoreError> {
        uuid::Uuid::from_slice(self.take()?)
            .map_err(|source| error::corrupt("an id cannot be read").with_source(source))
    }

    /// The next column as a name.
    pub(crate) fn name<T>(&mut self) -> Result<T, StoreError>
    where
        T: TryFrom<String, Error: std::error::Error + Send + Sync + 'static>,
    {
        T::try_from(self.take()?)
            .map_err(|source| error::corrupt("a name cannot be read").with_source(source))
    }

    /// The next column as a name, if there is one.
    pub(crate) fn name_or_none<T>(&mut self) -> Result<Option<T>, StoreError>
    where
        T: TryFrom<String, Error: std::error::Error + Send + Sync + 'static>,
    {
        self.take_or_none::<String>()?
            .map(T::try_from)
            .transpose()
            .map_err(|source| error::corrupt("a name cannot be read").with_source(source))
    }
}

/// A lane as a column.
pub(crate) fn column(lane: LaneId) -> i64 {
    lane.get().cast_signed()
}

#[cfg(test)]
mod tests {
    use signalbus_core::store::StoreErrorKind;
    use sqlx::Connection;

    use super::*;

    #[test]
    fn codes_survive_the_round_trip() {
        for class in Class::ALL {
            assert_eq!(class_of(class_code(class)).ok(), Some(class));
        }
        for order in [
            Order::Unordered,
            Order::Start,
            Order::Strict,
            Order::StrictBlocking,
        ] {
            assert_eq!(order_of(order_code(order)).ok(), Some(order));
        }
    }

    #[test]
    fn the_first_and_the_last_moment_can_be_read_back() {
        let micro = jiff::SignedDuration::from_micros(1);
        for at in [
            Timestamp::MIN,
            Timestamp::MAX,
            Timestamp::UNIX_EPOCH - micro,
        ] {
            let back = time(micros(at)).unwrap();
            assert!(at.duration_since(back) < micro, "{at} came back as {back}");
        }
    }

    #[test]
    fn unknown_codes_are_corrupt() {
        assert!(class_of(3).is_err() && order_of(-1).is_err());
    }

    /// Found by fuzzing: it was taken for zero.
    #[tokio::test]
    async fn a_missing_value_is_corrupt() {
        let mut conn = sqlx::SqliteConnection::connect("sqlite::memory:")
            .await
            .unwrap();
        let row = sqlx::query("SELECT NULL, NULL, NULL")
            .fetch_one(&mut conn)
            .await
            .unwrap();
        let mut columns = Columns::of(&row);
        for error in [
            columns.take::<i64>().unwrap_err(),
            columns.take::<String>().unwrap_err(),
        ] {
            assert_eq!(error.kind(), StoreErrorKind::Corrupt);
        }
        assert_eq!(columns.take_or_none::<i64>().unwrap(), None);
    }

    #[test]
    fn the_hash_of_a_message_id_never_changes() {
        assert_eq!(message_hash(""), 0xcbf2_9ce4_8422_2325_u64.cast_signed());
        assert_eq!(message_hash("a"), 0xaf63_dc4c_8601_ec8c_u64.cast_signed());
    }
}
