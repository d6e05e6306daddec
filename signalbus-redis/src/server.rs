//! Where the server is that takes writes: one that is named, one that sentinels name, or those of a
//! cluster.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, FromRedisValue, Pipeline,
    RedisError, Value,
    aio::{MultiplexedConnection, PubSub},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
};

use crate::task;

/// What a configuration names.
#[derive(Clone)]
pub(crate) enum Server {
    /// One server.
    One(ConnectionInfo),
    /// Whom these sentinels call the master of this name. The last tells how to sign in there.
    Sentinels(Vec<ConnectionInfo>, String, ConnectionInfo),
    /// A cluster that these nodes know.
    Cluster(Vec<ConnectionInfo>),
}

/// A connection that many may use at a time.
#[derive(Clone)]
pub(crate) enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// In a cluster all commands must be about one key.
    pub(crate) async fn run<T: FromRedisValue>(
        &mut self,
        commands: &Pipeline,
    ) -> Result<T, RedisError> {
        match self {
            Self::One(connection) => commands.query_async(connection).await,
            Self::Cluster(connection) => commands.query_async(connection).await,
        }
    }
}

impl Server {
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Connects; each step takes at most `deadline`, and answers are waited for as long as the caller
    /// does.
    pub(crate) async fn connect(&self, deadline: Duration) -> Result<Link, RedisError> {
        match self {
            Self::One(server) => open(server, deadline).await.map(Link::One),
            Self::Sentinels(..) => {
                let master = self.master(deadline).await?;
                open(&master, deadline).await.map(Link::One)
            }
            Self::Cluster(nodes) => {
                let client = ClusterClientBuilder::new(nodes.iter().cloned())
                    .connection_timeout(deadline)
                    // Longer than reads that block.
                    .response_timeout(deadline + Duration::from_secs(2))
                    .build()?;
                client.get_async_connection().await.map(Link::Cluster)
            }
        }
    }

    /// A connection that hears what is published. In a cluster every node hears all.
    pub(crate) async fn listen(&self, deadline: Duration) -> Result<PubSub, RedisError> {
        match self {
            Self::One(server) => Client::open(server.clone())?.get_async_pubsub().await,
            Self::Sentinels(..) => {
                let master = self.master(deadline).await?;
                Client::open(master)?.get_async_pubsub().await
            }
            Self::Cluster(nodes) => {
                let mut last = none_answers();
                for node in nodes {
                    match Client::open(node.clone())?.get_async_pubsub().await {
                        Ok(heard) => return Ok(heard),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }

    /// Asks one sentinel after the other who the master is.
    async fn master(&self, deadline: Duration) -> Result<ConnectionInfo, RedisError> {
        let Self::Sentinels(sentinels, name, sign_in) = self else {
            return Err(none_answers());
        };
        let each = deadline / u32::try_from(sentinels.len() + 1).unwrap_or(u32::MAX);
        let mut last = none_answers();
        for sentinel in sentinels {
            match task::within(each, ask(sentinel, name, each)).await {
                Some(Ok((host, port))) => {
                    let address = at(sign_in.addr(), host, port);
                    return Ok(sign_in.clone().set_addr(address));
                }
                Some(Err(error)) => last = error,
                None => {}
            }
        }
        Err(last)
    }
}

/// Whom a sentinel takes for the master.
async fn ask(
    sentinel: &ConnectionInfo,
    name: &str,
    deadline: Duration,
) -> Result<(String, u16), RedisError> {
    let mut connection = open(sentinel, deadline).await?;
    let answer: Value = redis::cmd("SENTINEL")
        .arg("get-master-addr-by-name")
        .arg(name)
        .query_async(&mut connection)
        .await?;
    match answer {
        Value::Nil => Err(RedisError::from((
            redis::ErrorKind::InvalidClientConfig,
            "the sentinels know no master of this name",
        ))),
        answer => Ok(redis::from_redis_value(answer)?),
    }
}

/// The same way to connect, to another place.
fn at(like: &ConnectionAddr, host: String, port: u16) -> ConnectionAddr {
    match like.clone() {
        ConnectionAddr::TcpTls {
            insecure,
            tls_params,
            ..
        } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure,
            tls_params,
        },
        _ => ConnectionAddr::Tcp(host, port),
    }
}

async fn open(
    server: &ConnectionInfo,
    deadline: Duration,
) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(deadline))
        .set_response_timeout(None);
    Client::open(server.clone())?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

fn none_answers() -> RedisError {
    RedisError::from((redis::ErrorKind::Io, "none of the servers answers"))
}
