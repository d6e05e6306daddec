use std::{fmt, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Proxy, Response, redirect, retry};
use secrecy::ExposeSecret;
use signalbus_core::{Clock, provider::Latch};

use crate::{
    Answer, BodyFault, ConfigError, HttpConfig, HttpError, HttpErrorKind, Request,
    body::{Gate, Progress, SendBody},
    error, pace,
    resolve::SystemResolver,
};

/// Sends requests and reads answers: HTTP/1.1 over kept connections, never a redirect, never a
/// second try, never more of an answer than asked for. Clones share the connections.
#[derive(Clone)]
pub struct HttpClient {
    client: Client,
    config: Arc<HttpConfig>,
}

impl HttpClient {
    /// A client of this configuration.
    ///
    /// # Errors
    /// When there is no TLS provider, or a root certificate or the proxy cannot be used.
    pub fn new(config: HttpConfig) -> Result<Self, ConfigError> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(config.tls.client()?)
            .dns_resolver(SystemResolver)
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            // A backstop in real time: the clock ends the wait, this the attempt to connect.
            .connect_timeout(config.connect_within)
            .pool_idle_timeout(config.idle)
            .pool_max_idle_per_host(config.idle_connections)
            .user_agent(concat!("signalbus/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &config.proxy {
            let proxy = Proxy::all(proxy.expose_secret()).map_err(|_| ConfigError::Proxy)?;
            builder = builder.proxy(proxy);
        }
        let client = builder.build().map_err(ConfigError::Client)?;
        Ok(Self {
            client,
            config: Arc::new(config),
        })
    }

    /// What deadlines are measured on.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.config.clock
    }

    /// How long a request may take in all.
    #[must_use]
    pub fn answer_within(&self) -> Duration {
        self.config.answer_within
    }

    /// Sends a request that causes something, and reads the answer. `latch` is set right before the
    /// bytes that complete the request are handed to a connection that stands: before, nothing can
    /// have been caused. Give it [`Delivery::latch`](signalbus_core::provider::Delivery::latch).
    ///
    /// A request without a body has no such moment, and sets the latch before it begins.
    ///
    /// Cancel safe in that nothing is left behind; whether the request was sent, the latch tells.
    ///
    /// # Errors
    /// When there is no answer; [`HttpError::possibly_sent`] tells whether the server may have acted
    /// on it. Every status is an answer.
    pub async fn send(&self, request: Request, latch: &Latch) -> Result<Answer, HttpError> {
        let (operation, method) = (request.operation, request.method.clone());
        let began = self.config.clock.monotonic();
        let result = self.exchange(request, latch).await;
        let took = self.config.clock.monotonic().saturating_sub(began);
        match &result {
            Ok(answer) => tracing::debug!(
                operation,
                %method,
                status = answer.status,
                bytes = answer.body.len(),
                ?took,
                "answered"
            ),
            Err(error) => tracing::debug!(
                operation,
                %method,
                error = error.kind().as_str(),
                possibly_sent = error.possibly_sent(),
                ?took,
                "not answered"
            ),
        }
        result
    }

    /// Sends a request that causes nothing: a question.
    ///
    /// # Errors
    /// When there is no answer. Every status is an answer.
    pub async fn ask(&self, request: Request) -> Result<Answer, HttpError> {
        self.send(request, &Latch::default()).await
    }

    async fn exchange(&self, request: Request, latch: &Latch) -> Result<Answer, HttpError> {
        request.check()?;
        let HttpConfig {
            clock,
            connect_within,
            answer_within,
            slowest,
            window,
            ..
        } = &*self.config;
        let limit = request.answer_limit.unwrap_or(self.config.answer_limit);
        let up = Arc::<Progress>::default();
        let gate = Arc::new(Gate::new(latch.clone()));
        // When this future is dropped, nothing that is still on its way goes out.
        let _closed = Closing(&gate);
        let deadline = clock.sleep(*answer_within);
        tokio::pin!(deadline);
        let has_body = request.body.iter().any(|piece| !piece.is_empty());
        let response = {
            let send = self.start(request, &gate, &up)?;
            tokio::pin!(send);
            // Without a body it cannot be seen when the connection stands.
            let unconnected = async {
                clock.sleep(*connect_within).await;
                if !has_body || up.bytes() > 0 {
                    std::future::pending::<()>().await;
                }
            };
            let stuck = pace::too_slow(&**clock, *window, *slowest, &up, || {
                up.bytes() > 0 && !gate.is_started()
            });
            let late = tokio::select! {
                biased;
                response = &mut send => Ok(response),
                () = &mut deadline => Err(HttpErrorKind::Deadline),
                () = unconnected => Err(HttpErrorKind::ConnectTimeout),
                () = stuck => Err(HttpErrorKind::TooSlow),
            };
            match late {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(error::of(error, gate.give_up())),
                Err(kind) => return Err(HttpError::new(kind, gate.give_up())),
            }
        };
        let down = Progress::default();
        let mut answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: Bytes::new(),
            fault: None,
        };
        let mut body = BytesMut::new();
        let fault = {
            let slow = pace::too_slow(&**clock, *window, *slowest, &down, || true);
            tokio::select! {
                biased;
                fault = read(response, limit, &mut body, &down) => fault,
                () = &mut deadline => Some(BodyFault::TooSlow),
                () = slow => Some(BodyFault::TooSlow),
            }
        };
        answer.body = body.freeze();
        answer.fault = fault;
        Ok(answer)
    }

    /// The future that connects, writes, and reads the head of the answer.
    fn start(
        &self,
        request: Request,
        gate: &Arc<Gate>,
        up: &Arc<Progress>,
    ) -> Result<impl Future<Output = Result<Response, reqwest::Error>> + use<>, HttpError> {
        let mut builder = self
            .client
            .request(request.method, request.url.0)
            .headers(request.headers);
        let body = SendBody::new(request.body, Arc::clone(gate), Arc::clone(up));
        if http_body::Body::is_end_stream(&body) {
            // It is the first to ask, so the gate is open.
            let _ = gate.start();
        } else {
            builder = builder.body(reqwest::Body::wrap(body));
        }
        let request = builder.build().map_err(|error| error::of(error, false))?;
        Ok(self.client.execute(request))
    }
}

/// Gives a request up when it goes out of scope.
struct Closing<'a>(&'a Gate);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// Reads a body up to a limit; says what is wrong with it.
async fn read(
    mut response: Response,
    limit: usize,
    body: &mut BytesMut,
    down: &Progress,
) -> Option<BodyFault> {
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Some(BodyFault::TooLarge);
    }
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                down.add(chunk.len());
                let room = limit - body.len();
                if chunk.len() > room {
                    body.extend_from_slice(&chunk[..room]);
                    return Some(BodyFault::TooLarge);
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return None,
            Err(_) => return Some(BodyFault::Cut),
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
