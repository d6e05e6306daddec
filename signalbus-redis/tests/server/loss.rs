//! What a publisher may lose with `appendfsync everysec`.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use redis::{AsyncConnectionConfig, Client};
use signalbus_core::Bus;
use signalbus_servers::Redis;

use crate::{bus, envelope};

/// Killed while many publish, five times. A process that is killed has handed all that it acknowledged to the
/// operating system, so that nothing should be lost; what the promise allows is the last second, which
/// the end of the whole machine would take.
#[tokio::test]
async fn what_was_acknowledged_before_the_last_second_is_not_lost() {
    let mut server = Redis::start().unwrap();
    let (mut published, mut lost) = (0, 0);
    let mut first = 0;
    for round in 0..5_u64 {
        let acknowledged: Arc<Mutex<Vec<(usize, Instant)>>> = Arc::default();
        let tasks: Vec<_> = (0..4)
            .map(|task| {
                let (bus, acknowledged) = (bus(&server), Arc::clone(&acknowledged));
                tokio::spawn(async move {
                    for step in 0.. {
                        let number = first + task + step * 4;
                        if bus.publish(vec![envelope(number)]).await.is_err() {
                            break;
                        }
                        acknowledged.lock().unwrap().push((number, Instant::now()));
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(1_500 + 170 * round)).await;
        server.kill().unwrap();
        let killed = Instant::now();
        for task in tasks {
            task.await.unwrap();
        }
        server.resume().unwrap();
        let acknowledged = std::mem::take(&mut *acknowledged.lock().unwrap());
        let stored = stored(&server).await;
        for (number, at) in &acknowledged {
            if !stored.contains(&number.to_string()) {
                lost += 1;
                let before = killed.saturating_duration_since(*at);
                assert!(
                    before <= Duration::from_secs(1),
                    "{number}, {before:?} before"
                );
            }
        }
        published += acknowledged.len();
        first = acknowledged
            .iter()
            .map(|(number, _)| number + 4)
            .max()
            .unwrap();
        first += 4;
    }
    println!("{lost} of {published} acknowledged events were lost in 5 kills");
    assert!(published > 1_000);
}

/// All that is there, once the server has read its file.
async fn stored(server: &Redis) -> BTreeSet<String> {
    type Entry = (String, Vec<(String, String)>);
    let client = Client::open(server.url()).unwrap();
    loop {
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let opened = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = opened.await.unwrap();
        let entries: Result<Vec<Entry>, redis::RedisError> = redis::cmd("XRANGE")
            .arg("signalbus:events")
            .arg(&["-", "+"])
            .query_async(&mut connection)
            .await;
        match entries {
            Ok(entries) => {
                let fields = entries.into_iter().flat_map(|(_, fields)| fields);
                let payloads = fields.filter(|(name, _)| name == "p");
                return payloads.map(|(_, payload)| payload).collect();
            }
            Err(error) => assert_eq!(error.code(), Some("LOADING"), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
