//! Publishing in a transaction of the host through another driver than the one this is built on.

use std::{borrow::Cow, fmt};

use signalbus_core::{Event, InvalidEvent, Prepare, PublishError, Published, Wake};
use sqlx::types::Uuid;

use crate::{
    PostgresStore,
    accept::{Asked, Column},
    error,
};

/// A statement for any driver. It answers one row with one column, the text `answer`: give it to
/// [`Publishing::answered`].
#[derive(Clone)]
pub struct Statement {
    sql: Cow<'static, str>,
    parameters: Vec<Parameter>,
}

/// A parameter of a [`Statement`], as its type in Postgres.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Parameter {
    /// `bigint`, without a value outside of tests.
    BigInt(Option<i64>),
    /// `uuid[]`.
    Uuids(Vec<Option<Uuid>>),
    /// `text[]`.
    Texts(Vec<Option<String>>),
    /// `smallint[]`.
    SmallInts(Vec<Option<i16>>),
    /// `integer[]`.
    Ints(Vec<Option<i32>>),
    /// `bigint[]`.
    BigInts(Vec<Option<i64>>),
    /// `bytea[]`.
    Bytes(Vec<Option<Vec<u8>>>),
    /// `boolean[]`.
    Booleans(Vec<bool>),
}

impl fmt::Debug for Parameter {
    /// Shows no value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BigInt(_) => "bigint",
            Self::Uuids(_) => "uuid[]",
            Self::Texts(_) => "text[]",
            Self::SmallInts(_) => "smallint[]",
            Self::Ints(_) => "integer[]",
            Self::BigInts(_) => "bigint[]",
            Self::Bytes(_) => "bytea[]",
            Self::Booleans(_) => "boolean[]",
        })
    }
}

impl Parameter {
    fn of(column: Column<'_>) -> Self {
        match column {
            Column::Moment(moment) => Self::BigInt(moment),
            Column::Uuids(values) => Self::Uuids(values),
            Column::Texts(values) => {
                let owned = values.into_iter().map(|value| value.map(Cow::into_owned));
                Self::Texts(owned.collect())
            }
            Column::SmallInts(values) => Self::SmallInts(values),
            Column::Ints(values) => Self::Ints(values),
            Column::BigInts(values) => Self::BigInts(values),
            Column::Bytes(values) => {
                let owned = values.into_iter().map(|value| value.map(<[u8]>::to_vec));
                Self::Bytes(owned.collect())
            }
            Column::Hashes(values) => Self::Bytes(values),
            Column::Booleans(values) => Self::Booleans(values),
        }
    }
}

impl Statement {
    /// The text, with `$1` and so on for its parameters.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Its parameters, the first of them for `$1`.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The same, to keep.
    #[must_use]
    pub fn into_parameters(self) -> Vec<Parameter> {
        self.parameters
    }
}

impl fmt::Debug for Statement {
    /// Shows no value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statement")
            .field("parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}

/// Events on their way into a transaction of the host: run each [`statement`](Publishing::statement) in it until
/// there is none, then ask for the [`answers`](Publishing::answers). That is one statement, and a second one for
/// what was published before.
#[must_use = "nothing is published until its statements were run"]
pub struct Publishing<'s> {
    store: &'s PostgresStore,
    asked: Asked,
    planned: Vec<Result<Published, InvalidEvent>>,
    wake: Wake,
}

impl fmt::Debug for Publishing<'_> {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publishing")
            .field("events", &self.planned.len())
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Plans events for a transaction of the host on another driver (tokio-postgres, diesel and so on), each for
    /// itself as [`PostgresStore::publish_all_in`] does. Touches no database.
    ///
    /// ```
    /// # use signalbus_core::{Event, Prepare, Published, PublishError, Wake};
    /// # use signalbus_postgres::{PostgresStore, Statement};
    /// # fn run(statement: &Statement) -> String { String::new() }
    /// # fn example(store: &PostgresStore, signalbus: &impl Prepare, event: Event) -> Result<(), PublishError> {
    /// let mut publishing = store.publishing(signalbus, vec![event])?;
    /// while let Some(statement) = publishing.statement()? {
    ///     let answer: String = run(&statement); // in your transaction
    ///     publishing.answered(&answer)?;
    /// }
    /// let (answers, wake) = publishing.answers(signalbus)?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When a delivery that was planned has no channel and has not ended.
    pub fn publishing(
        &self,
        publisher: &impl Prepare,
        events: Vec<Event>,
    ) -> Result<Publishing<'_>, PublishError> {
        let (mut planned, mut accepted) = (Vec::with_capacity(events.len()), Vec::new());
        for event in events {
            planned.push(publisher.prepare(event).map(|prepared| {
                let (event, published) = prepared.into_parts();
                accepted.push(event);
                published
            }));
        }
        Ok(Publishing {
            store: self,
            asked: Asked::of(accepted)?,
            planned,
            wake: publisher.wake(),
        })
    }
}

impl Publishing<'_> {
    /// The statement to run next, in the transaction of the host; none when all were run.
    ///
    /// # Errors
    /// When the batch is too large for one statement.
    pub fn statement(&self) -> Result<Option<Statement>, PublishError> {
        let (dialect, lanes) = self.store.dialect();
        let statement = self.asked.statement(dialect.test_time(), lanes)?;
        Ok(statement.map(|(sql, columns)| Statement {
            sql: dialect.text(sql),
            parameters: columns.into_iter().map(Parameter::of).collect(),
        }))
    }

    /// What the statement answered: the text in its one row.
    ///
    /// # Errors
    /// When it is not that; and when what was published before is being purged: then roll the transaction back and
    /// begin again.
    pub fn answered(&mut self, answer: &str) -> Result<(), PublishError> {
        Ok(self.asked.answered(answer)?)
    }

    /// What became of the events, in their order. Hand the commit to the [`Wake`], so that the engine looks at
    /// once: `wake.after(commit).await?`.
    ///
    /// # Errors
    /// When a statement was left out.
    pub fn answers(
        self,
        publisher: &impl Prepare,
    ) -> Result<(Vec<Result<Published, InvalidEvent>>, Wake), PublishError> {
        let acceptances = self.asked.answers()?;
        let planned = self
            .planned
            .iter()
            .filter(|planned| planned.is_ok())
            .count();
        if acceptances.len() != planned {
            return Err(error::corrupt("events and answers are not as many").into());
        }
        let mut acceptances = acceptances.iter();
        let answers = self.planned.into_iter().map(|answer| {
            answer.map(|published| match acceptances.next() {
                Some(acceptance) => publisher.answer(published, acceptance),
                None => published,
            })
        });
        Ok((answers.collect(), self.wake))
    }
}
