//! Rows as a damaged file could have them, opened to the fuzz targets. Compiled only with the
//! feature `__fuzzing`.

use signalbus_core::store::{DeliveryRecord, HistoryEntry, Ready, StoreError, StoredEvent};
use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{codec::Columns, error, history, row};

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Reads rows of any values as the store does.
#[derive(Debug)]
pub struct Rows {
    conn: SqliteConnection,
}

impl Rows {
    /// With an empty database of its own.
    ///
    /// # Errors
    /// When SQLite does not start.
    pub async fn open() -> Result<Self, StoreError> {
        let conn = SqliteConnection::connect("sqlite::memory:").await;
        Ok(Self {
            conn: conn.map_err(error::of)?,
        })
    }

    /// A delivery for the engine.
    ///
    /// # Errors
    /// When a value is not what it must be.
    pub async fn ready(&mut self, values: &[Value]) -> Result<Ready, StoreError> {
        row::ready(&mut Columns::of(&self.row(values).await?))
    }

    /// A delivery for an operator.
    ///
    /// # Errors
    /// When a value is not what it must be.
    pub async fn delivery(&mut self, values: &[Value]) -> Result<DeliveryRecord, StoreError> {
        row::delivery(&mut Columns::of(&self.row(values).await?))
    }

    /// An event without its files.
    ///
    /// # Errors
    /// When a value is not what it must be.
    pub async fn event(&mut self, values: &[Value]) -> Result<StoredEvent, StoreError> {
        row::event(&mut Columns::of(&self.row(values).await?))
    }

    /// A line of a history.
    ///
    /// # Errors
    /// When a value is not what it must be.
    pub async fn history(&mut self, values: &[Value]) -> Result<HistoryEntry, StoreError> {
        history::entry(&mut Columns::of(&self.row(values).await?))
    }

    async fn row(&mut self, values: &[Value]) -> Result<SqliteRow, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new("SELECT ");
        let mut columns = sql.separated(", ");
        for value in values {
            match value {
                Value::Null => columns.push("NULL"),
                Value::Integer(value) => columns.push_bind(*value),
                Value::Real(value) => columns.push_bind(*value),
                Value::Text(value) => columns.push_bind(value.clone()),
                Value::Blob(value) => columns.push_bind(value.clone()),
            };
        }
        sql.build()
            .fetch_one(&mut self.conn)
            .await
            .map_err(error::of)
    }
}
