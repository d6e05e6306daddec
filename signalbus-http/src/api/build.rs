use std::{fmt, sync::Arc};

use axum::{Extension, Router, middleware, routing::get};
use signalbus_core::{
    Clock, Directory, Entropy, Limiter, SystemClock,
    directory::{Keys, keys::Pepper},
};
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;

use crate::vault::Vault;

use super::{
    ApiLimits, Engine, FixedKey, Readiness, document,
    manners::{Attendant, Proxies, Rates, attend, describe},
    routes,
    tenancy::{ApiParts, ApiState},
};

/// The API over an engine and a directory, to be mounted in an axum application.
#[must_use]
pub struct Api {
    engine: Arc<dyn Engine>,
    directory: Arc<dyn Directory>,
    pepper: Pepper,
    limits: ApiLimits,
    limiter: Option<Arc<dyn Limiter>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<Entropy>,
    readiness: Readiness,
    vault: Option<Vault>,
    over_bus: bool,
    fixed_keys: Vec<FixedKey>,
    intake_only: bool,
    proxies: Option<Proxies>,
    own: OpenApiRouter<ApiState>,
}

impl Api {
    /// The API over this engine, for the keys of this directory that were hashed under this pepper.
    pub fn new(engine: impl Engine, directory: Arc<dyn Directory>, pepper: Pepper) -> Self {
        Self {
            engine: Arc::new(engine),
            directory,
            pepper,
            limits: ApiLimits::default(),
            limiter: None,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(Entropy::from_os()),
            readiness: Readiness::new(),
            vault: None,
            over_bus: false,
            fixed_keys: Vec::new(),
            intake_only: false,
            proxies: None,
            own: OpenApiRouter::new(),
        }
    }

    /// How much a request may ask for.
    pub fn limits(mut self, limits: ApiLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Shares how often each key may ask each route ([`ApiLimits::rate`]) with all processes that use the
    /// same limiter; without it each holds it for itself. While the limiter cannot answer, this process
    /// holds the whole rate for itself: wrap the limiter in `signalbus::limit::LocalShare` to hold a part
    /// of it, and to wait no longer than half a second for an answer.
    pub fn limiter(mut self, limiter: Arc<dyn Limiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// The clock that keys expire by and deadlines are measured on; the operating system's by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where keys and ids of requests come from; the operating system by default.
    pub fn entropy(mut self, entropy: Arc<Entropy>) -> Self {
        self.entropy = entropy;
        self
    }

    /// Hands events to the bus of the engine, and not to its store: they are answered with their ids
    /// when the bus has acknowledged them. Whoever stores them finds duplicates, and records as a
    /// rejection what is found wrong later; `GET /v1/events/{id}` shows it.
    pub fn over_bus(mut self) -> Self {
        self.over_bus = true;
        self
    }

    /// Takes a key of the settings as well, for programs without a directory.
    pub fn fixed_key(mut self, key: FixedKey) -> Self {
        self.fixed_keys.push(key);
        self
    }

    /// Only what takes events: `POST /v1/events`, `/v1/publish/{topic}` and `/v1/plan`, for programs that hand
    /// them to a bus and have neither store nor directory. Health is for the host to tell.
    pub fn intake_only(mut self) -> Self {
        self.intake_only = true;
        self
    }

    /// Finds out which address each request comes from, and writes it into its span as `client.address` and into
    /// its extensions as [`ClientAddress`]. What stands in `X-Forwarded-For` is believed from these proxies only;
    /// no other `X-Forwarded-*` is read. Unless this is called nothing is found out: addresses of clients are
    /// personal data.
    ///
    /// Who has connected is told by [`serve`](crate::serve()), or by the host, which puts a [`Peer`] into the
    /// extensions of each request.
    ///
    /// [`ClientAddress`]: super::ClientAddress
    /// [`Peer`]: crate::serve::Peer
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Routes of the host beside those of the API, with its keys, limits, problems and document. Handlers
    /// take a [`Publisher`] and say so in their `#[utoipa::path]`, with `security(("key" = ["publish"]))`; bodies
    /// are read by [`Json`].
    ///
    /// [`Publisher`]: super::Publisher
    /// [`Json`]: super::Json
    pub fn own(mut self, routes: OpenApiRouter<ApiState>) -> Self {
        self.own = self.own.merge(routes);
        self
    }

    /// The document as [`router`](Self::router) serves it, with the routes of the host.
    #[must_use]
    pub fn document(&self) -> utoipa::openapi::OpenApi {
        document::of(self.routes().into_openapi())
    }

    fn routes(&self) -> OpenApiRouter<ApiState> {
        let routes = if self.intake_only {
            routes::intake()
        } else {
            routes::all()
        };
        routes.merge(self.own.clone())
    }

    /// Where accounts of tenants are sealed. Without one none are kept.
    pub fn vault(mut self, vault: Vault) -> Self {
        self.vault = Some(vault);
        self
    }

    /// What tells `/readyz` that this process is about to stop.
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// The keys of this API, for the host: to make the first one, say.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(
            Arc::clone(&self.directory),
            self.pepper.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        )
    }

    /// A router with `/v1/…` and `/openapi.json`; with feature `swagger-ui` a page at `/docs` to read
    /// the document with. It may be nested below any path, but for that page,
    /// and merged with the router for receipts. What has no route is answered with a problem: a host with a
    /// fallback of its own nests it.
    pub fn router(self) -> Router {
        describe();
        let (routes, described) = self.routes().split_for_parts();
        let document = document::of(described);
        let keys = self.keys();
        let attendant = Attendant {
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            places: Arc::new(Semaphore::new(self.limits.concurrency)),
            time: self.limits.time,
            proxies: self.proxies,
        };
        let state = ApiState::new(ApiParts {
            engine: self.engine,
            directory: self.directory,
            keys,
            rates: self
                .limits
                .rate
                .map(|rate| Rates::new(rate, self.limiter, Arc::clone(&self.clock))),
            clock: self.clock,
            limits: self.limits,
            vault: self.vault,
            over_bus: self.over_bus,
            fixed_keys: self.fixed_keys,
        });
        let router = Router::new()
            .merge(routes)
            .route("/openapi.json", {
                let document = document.clone();
                get(async move || axum::Json(document))
            })
            .method_not_allowed_fallback(routes::not_so)
            .fallback(routes::nowhere)
            .with_state(state)
            .layer(Extension(self.readiness))
            .layer(middleware::from_fn_with_state(attendant, attend));
        #[cfg(feature = "swagger-ui")]
        let router = router
            .merge(utoipa_swagger_ui::SwaggerUi::new("/docs").url("/docs/openapi.json", document));
        #[cfg(not(feature = "swagger-ui"))]
        drop(document);
        router
    }
}

impl fmt::Debug for Api {
    /// Shows no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("engine", &self.engine)
            .field("directory", &self.directory)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
