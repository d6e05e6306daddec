//! A server that acts: one task for it and one for each connection, all ended with it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    Act,
    wire::{self, Received},
};

/// What a service answers: a status, headers and a body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        Self {
            status,
            headers: vec![json],
            body: body.to_string(),
        }
    }
}

/// A service: what it does with a request that it has read whole.
pub(crate) trait Service: Send + Sync + 'static {
    /// What it does with this request; none for one that is no request to send.
    fn act(&self, head: &Received) -> Option<Act>;

    /// Answers, and writes into the books what it takes.
    fn answer(&self, request: Received) -> Reply;
}

/// Runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts tasks; they end with the server"
    )]
    pub(crate) async fn start(service: Arc<dyn Service>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, Arc::clone(&service)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a connection until somebody ends it.
async fn serve(connection: TcpStream, service: Arc<dyn Service>) {
    // Small answers go out at once.
    let _ = connection.set_nodelay(true);
    let mut connection = BufReader::new(connection);
    while let Ok(Some(head)) = wire::read_head(&mut connection).await {
        let act = service.act(&head).unwrap_or_default();
        let length = head.length();
        match act {
            Act::CutRequest(after) => {
                let _ = wire::read_up_to(&mut connection, after.min(length)).await;
                return wire::cut(connection.into_inner());
            }
            Act::StallRequest(after) => {
                let _ = wire::read_up_to(&mut connection, after.min(length)).await;
                return std::future::pending().await;
            }
            _ => {}
        }
        let Ok(body) = wire::read_up_to(&mut connection, length).await else {
            return;
        };
        if body.len() < length {
            // An incomplete request is not acted upon (RFC 9112 section 8).
            return;
        }
        let stream = connection.get_mut();
        if perform(stream, act, &*service, Received { body, ..head })
            .await
            .is_none()
        {
            return;
        }
    }
}

/// Acts upon a request; none when the connection is over.
async fn perform(
    stream: &mut TcpStream,
    act: Act,
    service: &dyn Service,
    request: Received,
) -> Option<()> {
    if let Act::Answer {
        status,
        headers,
        body,
    } = act
    {
        let answer = wire::answer(status, &headers, &body);
        return stream.write_all(&answer).await.ok();
    }
    let reply = service.answer(request);
    let whole = wire::answer(reply.status, &reply.headers, &reply.body);
    let head_of = |length: u32| {
        let status = reply.status;
        format!("HTTP/1.1 {status} Fake\r\nContent-Length: {length}\r\n\r\n{{\"id\":\"")
    };
    match act {
        Act::TakeAndCut => None,
        Act::TakeAndStall => std::future::pending().await,
        Act::CutAnswer(after) => {
            let part = &whole[..after.min(whole.len())];
            stream.write_all(part).await.ok()?;
            None
        }
        Act::Drip => {
            // Not so long that a client would refuse it for its length.
            stream.write_all(head_of(100_000).as_bytes()).await.ok()?;
            loop {
                stream.write_all(b"x").await.ok()?;
                pause().await;
            }
        }
        Act::Malformed => {
            let answer = wire::answer(reply.status, &[], "<html>It works!</html>");
            stream.write_all(&answer).await.ok()
        }
        Act::Huge => {
            stream
                .write_all(head_of(1_000_000_000).as_bytes())
                .await
                .ok()?;
            let megabyte = vec![b'x'; 1024 * 1024];
            for _ in 0..64 {
                stream.write_all(&megabyte).await.ok()?;
            }
            None
        }
        _ => stream.write_all(&whole).await.ok(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the other end is a real socket, whose time no test moves"
)]
async fn pause() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}
