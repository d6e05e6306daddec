//! One of the processes.

use std::{sync::Arc, time::Duration};

use signalbus::{
    Event, Idempotency, Policy, Provider, Recipient, Signalbus, async_trait,
    limit::LocalShare,
    provider::{Capabilities, Delivery, Fault, Rate, SendError, Sent},
};
use signalbus_redis::{RedisConfig, RedisLimiter};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
};

use crate::{BURST, PROCESSES, RATE, line::Line};

pub(crate) const REDIS: &str = "SIGNALBUS_TEST_CHILD_REDIS";
pub(crate) const COUNTER: &str = "SIGNALBUS_TEST_CHILD_COUNTER";

/// How many messages it has.
pub(crate) const MESSAGES: &str = "SIGNALBUS_TEST_CHILD_MESSAGES";

#[derive(Debug)]
struct Teller(Arc<Mutex<TcpStream>>);

#[async_trait]
impl Provider<Line> for Teller {
    fn name(&self) -> &str {
        "teller"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_rate(Rate {
            interval: Duration::from_secs(1) / RATE,
            burst: BURST,
        })
    }

    async fn send(&self, _delivery: Delivery<'_, Line>) -> Result<Sent, SendError> {
        say(&self.0)
            .await
            .map_err(|_| SendError::retryable(Fault::Provider, "the parent has gone"))?;
        Ok(Sent::new())
    }
}

/// Says a byte, and waits until it is said back.
async fn say(stream: &Mutex<TcpStream>) -> std::io::Result<()> {
    let mut stream = stream.lock().await;
    stream.write_all(&[0]).await?;
    stream.read_exact(&mut [0]).await.map(drop)
}

/// Sends until it is killed. Not a test: the parent starts it.
#[test]
#[ignore = "the parent starts it"]
fn work() {
    let (Ok(redis), Ok(counter)) = (std::env::var(REDIS), std::env::var(COUNTER)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let config = RedisConfig::from_url(&redis).unwrap();
        let limiter = RedisLimiter::open(config.with_deadline(Duration::from_secs(1)));
        let stream = TcpStream::connect(counter).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = Arc::new(Mutex::new(stream));
        let processes = u32::try_from(PROCESSES).unwrap();
        let engine = Signalbus::builder()
            .in_memory()
            .channel(Line, Teller(Arc::clone(&stream)))
            .policy(Policy::new().on::<Line>("test.*"))
            .limiter(LocalShare::new(limiter, processes))
            .build()
            .unwrap();
        let messages: u32 = std::env::var(MESSAGES).unwrap().parse().unwrap();
        for number in 0..messages {
            let key = Idempotency::key(number.to_string());
            let event =
                Event::new("test.line", key).to(Recipient::new().on::<Line>(number.to_string()));
            engine.publish(event).await.unwrap();
        }
        // It has all its work; the answer comes when the others have theirs.
        say(&stream).await.unwrap();
        engine.start();
        std::future::pending::<()>().await;
    });
}
