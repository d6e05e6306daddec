use std::time::Duration;

/// How much a request may ask for. Each has a default that suits a small machine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiLimits {
    /// Bytes of a body: 4 MiB.
    pub body: usize,
    /// Events of one request: 500.
    pub batch: usize,
    /// Recipients of all events of one request: 10,000.
    pub recipients: usize,
    /// Lines of a page: 200 at most.
    pub page: u32,
    /// How long a client may take to send its body: 10 seconds.
    pub body_time: Duration,
    /// How long an answer may take, the body read: 30 seconds.
    pub time: Duration,
    /// Requests at a time: 512. What is more is told to come again.
    pub concurrency: usize,
    /// How often each key may ask; none for as often as it likes. 600 a minute, 100 of them at once.
    pub rate: Option<Rate>,
}

/// How often a key may ask one route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// Requests in a minute.
    pub per_minute: u32,
    /// How many of them at once.
    pub burst: u32,
}

impl Rate {
    /// So many in a minute, and so many of them at once; at least one each.
    #[must_use]
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Self {
            per_minute: per_minute.max(1),
            burst: burst.max(1),
        }
    }
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            body: 4 * 1024 * 1024,
            batch: 500,
            recipients: 10_000,
            page: 200,
            body_time: Duration::from_secs(10),
            time: Duration::from_secs(30),
            concurrency: 512,
            rate: Some(Rate::new(600, 100)),
        }
    }
}

impl ApiLimits {
    /// Sets the bytes of a body.
    #[must_use]
    pub fn with_body(mut self, bytes: usize) -> Self {
        self.body = bytes;
        self
    }

    /// Sets the events of one request.
    #[must_use]
    pub fn with_batch(mut self, events: usize) -> Self {
        self.batch = events;
        self
    }

    /// Sets the recipients of all events of one request.
    #[must_use]
    pub fn with_recipients(mut self, recipients: usize) -> Self {
        self.recipients = recipients;
        self
    }

    /// Sets the lines of a page.
    #[must_use]
    pub fn with_page(mut self, lines: u32) -> Self {
        self.page = lines.max(1);
        self
    }

    /// Sets how long a client may take to send its body.
    #[must_use]
    pub fn with_body_time(mut self, time: Duration) -> Self {
        self.body_time = time;
        self
    }

    /// Sets how long an answer may take.
    #[must_use]
    pub fn with_time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Sets the requests at a time.
    #[must_use]
    pub fn with_concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests;
        self
    }

    /// Sets how often each key may ask one route; none for as often as it likes.
    #[must_use]
    pub fn with_rate(mut self, rate: Option<Rate>) -> Self {
        self.rate = rate;
        self
    }
}
