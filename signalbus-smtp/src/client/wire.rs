//! The connection under lettre: TCP or TLS, with what is known about it.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::filter::ReplyFilter;

/// A connection. Clones are the same one: lettre has one, and the session asks the other how it is.
#[derive(Debug, Clone)]
pub(crate) struct Wire(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    io: Io,
    filter: ReplyFilter,
    /// What was read and not given to lettre yet.
    unread: Vec<u8>,
    given: usize,
    /// A copy of what was given, while somebody wants it.
    copy: Option<Vec<u8>>,
    /// The server closed its side.
    ended: bool,
}

#[derive(Debug)]
enum Io {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// While TLS is negotiated, and after it failed.
    None,
}

/// The most that is copied of one reply.
const COPY: usize = 16 * 1024;

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(Mutex::new(State {
            io: Io::Tcp(stream),
            filter: ReplyFilter::default(),
            unread: Vec::new(),
            given: 0,
            copy: None,
            ended: false,
        })))
    }

    /// Goes over to TLS. What the server sent before is forgotten: somebody in between may have
    /// written it (RFC 3207 section 4.2).
    pub(crate) async fn secure(
        &self,
        connector: &TlsConnector,
        name: ServerName<'static>,
    ) -> io::Result<()> {
        let stream = match std::mem::replace(&mut self.lock().io, Io::None) {
            Io::Tcp(stream) => stream,
            _ => return Err(io::ErrorKind::NotConnected.into()),
        };
        let secured = connector.connect(name, stream).await?;
        let mut state = self.lock();
        state.io = Io::Tls(Box::new(secured));
        state.unread.clear();
        state.given = 0;
        state.filter = ReplyFilter::default();
        Ok(())
    }

    /// Lets the next reader see this before anything that the server sends.
    pub(crate) fn say(&self, text: &[u8]) {
        let mut state = self.lock();
        let at = state.given;
        state.unread.splice(at..at, text.iter().copied());
    }

    /// Copies from here on what is read, until [`Wire::copied`].
    pub(crate) fn copy(&self) {
        self.lock().copy = Some(Vec::new());
    }

    /// What was read since [`Wire::copy`].
    pub(crate) fn copied(&self) -> Vec<u8> {
        self.lock().copy.take().unwrap_or_default()
    }

    /// Whether the server closed its side.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().ended
    }

    /// Whether an idle connection can be used: open, and the server said nothing unasked, such as
    /// a 421 before it closes.
    pub(crate) fn is_quiet(&self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        self.lock()
            .poll_read(&mut context, &mut buffer)
            .is_pending()
    }

    /// Our side of it.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.lock().tcp().and_then(TcpStream::local_addr)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tcp(&self) -> io::Result<&TcpStream> {
        match &self.io {
            Io::Tcp(stream) => Ok(stream),
            Io::Tls(stream) => Ok(stream.get_ref().0),
            Io::None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.given == self.unread.len() {
            let mut bytes = [0; 4096];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(match &mut self.io {
                Io::Tcp(stream) => Pin::new(stream).poll_read(context, &mut read),
                Io::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, &mut read),
                Io::None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            })?;
            if read.filled().is_empty() {
                self.ended = true;
                return Poll::Ready(Ok(()));
            }
            self.unread.clear();
            self.given = 0;
            self.filter.pass(read.filled(), &mut self.unread);
        }
        let rest = &self.unread[self.given..];
        let count = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..count]);
        if let Some(copy) = &mut self.copy {
            let room = COPY.saturating_sub(copy.len()).min(count);
            copy.extend_from_slice(&rest[..room]);
        }
        self.given += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.lock().poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.lock().io {
            Io::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
            Io::None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.lock().io {
            Io::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
            Io::None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.lock().io {
            Io::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Io::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            Io::None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.lock().tcp().and_then(TcpStream::peer_addr)
    }
}
