use std::net::TcpListener;

/// The port of each process on this machine: the usual one where nobody has it.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) api: u16,
    pub(crate) email: u16,
    pub(crate) sms: u16,
    pub(crate) mail: u16,
    pub(crate) postgres_exporter: u16,
    pub(crate) redis_exporter: u16,
    pub(crate) prometheus: u16,
    pub(crate) alertmanager: u16,
    pub(crate) grafana: u16,
}

impl Places {
    /// # Errors
    /// When there is no port left.
    pub(crate) fn choose() -> Result<Self, String> {
        // Kept until all are chosen, so that none is chosen twice.
        let mut taken = Vec::new();
        let mut choose = |usual: u16| {
            let listener = TcpListener::bind(("127.0.0.1", usual))
                .or_else(|_| TcpListener::bind("127.0.0.1:0"))
                .map_err(|error| error.to_string())?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            taken.push(listener);
            Ok::<u16, String>(address.port())
        };
        Ok(Self {
            api: choose(8080)?,
            email: choose(8081)?,
            sms: choose(8082)?,
            mail: choose(1025)?,
            postgres_exporter: choose(9187)?,
            redis_exporter: choose(9121)?,
            prometheus: choose(9090)?,
            alertmanager: choose(9093)?,
            grafana: choose(3000)?,
        })
    }

    /// Name, port, the path that says whether it is ready, and what it is there for.
    pub(crate) fn all(&self) -> [(&'static str, u16, &'static str, &'static str); 7] {
        [
            (
                "notification-api",
                self.api,
                "/readyz",
                "takes events: /notify, /notify/signup, /publish/{topic}",
            ),
            (
                "email-worker",
                self.email,
                "/readyz",
                "sends mails; /metrics",
            ),
            (
                "sms-worker",
                self.sms,
                "/readyz",
                "sends texts, to a fake; /metrics",
            ),
            (
                "postgres-exporter",
                self.postgres_exporter,
                "/metrics",
                "numbers of the database",
            ),
            (
                "redis-exporter",
                self.redis_exporter,
                "/metrics",
                "numbers of Redis",
            ),
            (
                "prometheus",
                self.prometheus,
                "/-/ready",
                "all numbers: /graph; rules: /rules, /alerts",
            ),
            (
                "alertmanager",
                self.alertmanager,
                "/-/ready",
                "alerts that fire",
            ),
        ]
    }
}
