//! Whether a server answers, and what it says that it is.

use std::{io, time::Duration};

use signalbus::smtp::Level;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::failure::Failure;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The most bytes of an answer that are read.
const MOST: usize = 64 * 1024;

/// What is spoken with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// Nothing: a connection is enough.
    Nothing,
    Redis,
    Kafka,
}

/// Whether a server takes a connection, and its version where one of these is spoken and told: `redis://HOST:PORT`,
/// `kafka://HOST:PORT`. A bare `HOST:PORT` is not asked what it speaks.
pub(super) async fn reach(server: &str) -> Result<(Level, String), Failure> {
    let (speaks, address) = match server.split_once("://") {
        None => (Speaks::Nothing, server),
        Some(("redis", address)) => (Speaks::Redis, address),
        Some(("kafka", address)) => (Speaks::Kafka, address),
        Some(_) => (Speaks::Nothing, ""),
    };
    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
    if host.is_empty() || host.contains('@') || port.parse::<u16>().is_err() {
        let hint = "a server is HOST:PORT, redis://HOST:PORT or kafka://HOST:PORT, without a user";
        return Err(Failure::Usage(hint.to_owned()));
    }
    let connected = timeout(PATIENCE, TcpStream::connect(address)).await;
    let mut stream = match connected {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Ok((
                Level::Problem,
                format!("{address} cannot be reached: {error}"),
            ));
        }
        Err(_) => {
            let text = format!(
                "{address} does not answer within {} s: is a firewall between?",
                PATIENCE.as_secs()
            );
            return Ok((Level::Problem, text));
        }
    };
    let asked = async {
        match speaks {
            Speaks::Nothing => Ok("takes a connection".to_owned()),
            Speaks::Redis => redis(&mut stream).await,
            Speaks::Kafka => kafka(&mut stream).await,
        }
    };
    Ok(match timeout(PATIENCE, asked).await {
        Ok(Ok(says)) => (Level::Good, format!("{address} {says}")),
        Ok(Err(error)) => {
            let text =
                format!("{address} takes a connection, and does not speak as it should: {error}");
            (Level::Problem, text)
        }
        Err(_) => {
            let text = format!("{address} takes a connection, and says nothing: does it want TLS?");
            (Level::Warning, text)
        }
    })
}

/// The version of a Redis or Valkey server, by `INFO server` (<https://redis.io/docs/latest/commands/info/>, read
/// 2026-11-30): one that wants a password tells it to nobody else.
async fn redis(stream: &mut TcpStream) -> io::Result<String> {
    stream.write_all(b"INFO server\r\n").await?;
    let mut heard = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&heard);
        if text.starts_with("-NOAUTH") {
            return Ok("is Redis, and tells its version to nobody without a password".to_owned());
        }
        if text.starts_with('-') {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let told = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::to_owned)
        };
        // A line is whole when another one follows; the order is the server's.
        if text.contains("process_id:") {
            if let Some(version) = told("valkey_version:") {
                return Ok(format!("is Valkey {version}"));
            }
            if let Some(version) = told("redis_version:") {
                return Ok(format!("is Redis {version}"));
            }
            return Err(io::ErrorKind::InvalidData.into());
        }
        more(stream, &mut heard).await?;
    }
}

/// What a Kafka broker understands, by its answer to `ApiVersions` version 0
/// (<https://kafka.apache.org/protocol.html#The_Messages_ApiVersions>, read 2026-11-30). Its own version it tells nobody.
async fn kafka(stream: &mut TcpStream) -> io::Result<String> {
    // Length; key 18, version 0; a number of ours; no name of a client.
    const ASK: [u8; 14] = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    stream.write_all(&ASK).await?;
    let mut heard = Vec::new();
    loop {
        if let Some(length) = heard.get(..4).and_then(|it| it.try_into().ok()) {
            let length = u32::from_be_bytes(length) as usize;
            if length > MOST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if let Some(answer) = heard.get(4..4 + length) {
                return understood(answer).ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
        }
        more(stream, &mut heard).await?;
    }
}

/// Reads the answer: our number, an error, and for each kind of request the versions it takes.
fn understood(answer: &[u8]) -> Option<String> {
    let short = |at: usize| Some(u16::from_be_bytes(answer.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u32::from_be_bytes(answer.get(at..at + 4)?.try_into().ok()?));
    if long(0)? != 7 || short(4)? != 0 {
        return None;
    }
    let count = usize::try_from(long(6)?).ok()?;
    let mut newest = [None, None];
    for place in 0..count {
        let at = 10 + place * 6;
        let (key, most) = (short(at)?, short(at + 4)?);
        if let Some(newest) = newest.get_mut(usize::from(key)) {
            *newest = Some(most);
        }
    }
    // Key 0 is Produce, 1 is Fetch.
    let [Some(produce), Some(fetch)] = newest else {
        return None;
    };
    Some(format!(
        "is Kafka: {count} kinds of requests, Produce up to version {produce}, Fetch up to {fetch}"
    ))
}

async fn more(stream: &mut TcpStream, heard: &mut Vec<u8>) -> io::Result<()> {
    let read = stream.read_buf(heard).await?;
    if read == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if heard.len() > MOST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_broker_is_read_and_no_other() {
        let mut answer = vec![0, 0, 0, 7, 0, 0, 0, 0, 0, 2];
        answer.extend([0, 0, 0, 0, 0, 12, 0, 1, 0, 4, 0, 17]);
        let says = understood(&answer).unwrap();
        assert!(says.ends_with("Produce up to version 12, Fetch up to 17"));
        for length in 0..answer.len() {
            assert_eq!(understood(&answer[..length]), None, "{length}");
        }
        answer[3] = 8;
        assert_eq!(understood(&answer), None);
    }
}
