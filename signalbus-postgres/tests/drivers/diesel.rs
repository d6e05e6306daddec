use diesel::{
    QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool, Bytea, Int2, Int4, Nullable, Text, Uuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use signalbus::Verdict;
use signalbus_postgres::{Parameter, Statement};

use crate::{
    plan::{batch, once, scene},
    server,
};

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    answer: String,
}

/// How a host runs a statement.
async fn run(connection: &mut AsyncPgConnection, statement: Statement) -> String {
    // Diesel reads columns by their names: that of the answer is `answer`.
    let mut query = sql_query(statement.sql().to_owned()).into_boxed::<diesel::pg::Pg>();
    for parameter in statement.into_parameters() {
        query = match parameter {
            Parameter::BigInt(value) => query.bind::<Nullable<BigInt>, _>(value),
            Parameter::Uuids(values) => query.bind::<Array<Nullable<Uuid>>, _>(values),
            Parameter::Texts(values) => query.bind::<Array<Nullable<Text>>, _>(values),
            Parameter::SmallInts(values) => query.bind::<Array<Nullable<Int2>>, _>(values),
            Parameter::Ints(values) => query.bind::<Array<Nullable<Int4>>, _>(values),
            Parameter::BigInts(values) => query.bind::<Array<Nullable<BigInt>>, _>(values),
            Parameter::Bytes(values) => query.bind::<Array<Nullable<Bytea>>, _>(values),
            Parameter::Booleans(values) => query.bind::<Array<Bool>, _>(values),
            other => panic!("{other:?} is new"),
        };
    }
    let answer: Answer = query.get_result(connection).await.unwrap();
    answer.answer
}

#[tokio::test]
async fn diesel_publishes_in_its_own_transaction() {
    let scene = scene().await;
    let mut connection = AsyncPgConnection::establish(&server::url()).await.unwrap();
    for (expected, commit) in [
        (
            [Verdict::Accepted, Verdict::Duplicate, Verdict::Accepted],
            false,
        ),
        (
            [Verdict::Accepted, Verdict::Duplicate, Verdict::Accepted],
            true,
        ),
        ([Verdict::Duplicate; 3], true),
    ] {
        let (said, store) = (&scene, &mut connection);
        let done = store
            .transaction(async |connection| {
                let mut publishing = said.publishing(batch());
                while let Some(statement) = publishing.statement().unwrap() {
                    let answer = run(connection, statement).await;
                    publishing.answered(&answer).unwrap();
                }
                assert_eq!(said.verdicts(publishing), expected);
                if commit {
                    Ok(())
                } else {
                    Err(diesel::result::Error::RollbackTransaction)
                }
            })
            .await;
        assert_eq!(done.is_ok(), commit);
        assert_eq!(scene.stored().await, if commit { 3 } else { 0 });
    }
    assert_eq!(scene.sent().await, once(["ada", "bob", "cid"]));
}
