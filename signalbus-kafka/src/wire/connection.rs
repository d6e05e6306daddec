use std::{fmt, ops::RangeInclusive, time::Duration};

use bytes::{Buf, BytesMut};
use kafka_protocol::{
    messages::{ApiVersionsRequest, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{question::Question, sign_in::sign_in};
use crate::{
    address::Address,
    error::Failure,
    settings::{Settings, Tls},
    task::within,
};

/// No answer is longer.
const LONGEST: usize = 256 << 20;

/// How long connecting may take, signing in included, where there is another broker to ask.
const CONNECT: Duration = Duration::from_secs(3);

trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// A connection to one broker, with one question at a time. Of no use any more after a call that
/// failed or was dropped.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    client_id: StrBytes,
    last: i32,
    /// Which versions of each request the broker speaks.
    versions: Vec<(i16, RangeInclusive<i16>)>,
}

impl Connection {
    /// Connects, and signs in where that is asked for.
    pub(crate) async fn open(settings: &Settings, address: &Address) -> Result<Self, Failure> {
        let limit = CONNECT.min(settings.deadline);
        within(limit, async {
            let tcp = TcpStream::connect((address.host.as_str(), address.port)).await;
            let tcp = tcp.map_err(Failure::Unreachable)?;
            // Without it answers wait for the next packet: slower, and not wrong.
            let _ = tcp.set_nodelay(true);
            let mut connection = Self {
                stream: secured(tcp, address, &settings.tls).await?,
                client_id: settings.client_id.clone(),
                last: 0,
                versions: Vec::new(),
            };
            connection.learn_versions().await?;
            if let Some(sasl) = &settings.sasl {
                sign_in(&mut connection, sasl).await?;
            }
            Ok::<_, Failure>(connection)
        })
        .await
    }

    /// Asks, in the newest version that both speak, for no longer than `limit`.
    pub(crate) async fn call<Q: Question>(
        &mut self,
        question: &Q,
        limit: Duration,
    ) -> Result<Q::Answer, Failure> {
        within(limit, self.ask(question)).await
    }

    fn version<Q: Question>(&self) -> Result<i16, Failure> {
        let ours = Q::VERSIONS;
        let key = Q::KEY as i16;
        let theirs = self.versions.iter().find(|(of, _)| *of == key);
        theirs
            .map(|(_, theirs)| (*theirs.start(), *ours.end().min(theirs.end())))
            .filter(|(least, most)| most >= ours.start() && most >= least)
            .map(|(_, most)| most)
            .ok_or(Failure::Version(Q::NAME))
    }

    async fn learn_versions(&mut self) -> Result<(), Failure> {
        let answer = self.exchange(&ApiVersionsRequest::default(), 0).await?;
        Failure::of(answer.error_code)?;
        self.versions = answer
            .api_keys
            .iter()
            .map(|api| (api.api_key, api.min_version..=api.max_version))
            .collect();
        Ok(())
    }

    /// The same for as long as it takes.
    pub(super) async fn ask<Q: Question>(&mut self, question: &Q) -> Result<Q::Answer, Failure> {
        let version = self.version::<Q>()?;
        self.exchange(question, version).await
    }

    async fn exchange<Q: Question>(
        &mut self,
        question: &Q,
        version: i16,
    ) -> Result<Q::Answer, Failure> {
        self.last = self.last.wrapping_add(1);
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.last)
            .with_client_id(Some(self.client_id.clone()));
        let bad = |_| Failure::Answer("the question cannot be put");
        let mut frame = BytesMut::from(&[0; 4][..]);
        header
            .encode(&mut frame, Q::header_version(version))
            .map_err(bad)?;
        question.encode(&mut frame, version).map_err(bad)?;
        let size = u32::try_from(frame.len() - 4).map_err(|_| Failure::TooLarge)?;
        frame[..4].copy_from_slice(&size.to_be_bytes());
        self.stream
            .write_all(&frame)
            .await
            .map_err(Failure::Unreachable)?;
        self.stream.flush().await.map_err(Failure::Unreachable)?;
        self.answer::<Q::Answer>(version).await
    }

    async fn answer<A: Decodable + HeaderVersion>(&mut self, version: i16) -> Result<A, Failure> {
        let size = self.stream.read_i32().await.map_err(Failure::Unreachable)?;
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= LONGEST)
            .ok_or(Failure::Answer("it is too long; is this a Kafka broker?"))?;
        let mut bytes = BytesMut::with_capacity(size);
        let mut rest = (&mut self.stream).take(u64::try_from(size).unwrap_or(0));
        while bytes.len() < size {
            let read = rest.read_buf(&mut bytes).await;
            if read.map_err(Failure::Unreachable)? == 0 {
                let end = std::io::ErrorKind::UnexpectedEof;
                return Err(Failure::Unreachable(end.into()));
            }
        }
        let mut bytes = bytes.freeze();
        let bad = |_| Failure::Answer("it has another form than its version has");
        let header = ResponseHeader::decode(&mut bytes, A::header_version(version));
        if header.map_err(bad)?.correlation_id != self.last {
            return Err(Failure::Answer("it is to another question"));
        }
        let answer = A::decode(&mut bytes, version).map_err(bad)?;
        if bytes.has_remaining() {
            return Err(Failure::Answer("there is something behind it"));
        }
        Ok(answer)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

#[cfg(feature = "tls-ring")]
async fn secured(tcp: TcpStream, address: &Address, tls: &Tls) -> Result<Box<dyn Stream>, Failure> {
    let Some(config) = tls else {
        return Ok(Box::new(tcp));
    };
    let bad = |_| Failure::Tls(std::io::ErrorKind::InvalidInput.into());
    let name = rustls::pki_types::ServerName::try_from(address.host.clone()).map_err(bad)?;
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::clone(config));
    match connector.connect(name, tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(Failure::Tls(error)),
    }
}

#[cfg(not(feature = "tls-ring"))]
async fn secured(tcp: TcpStream, _: &Address, (): &Tls) -> Result<Box<dyn Stream>, Failure> {
    Ok(Box::new(tcp))
}
