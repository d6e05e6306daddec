use std::{
    fmt, fs,
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::places::Places;

/// The folder of this run.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    key: String,
}

/// What this package ships.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.display().fmt(f)
    }
}

impl Files {
    /// Makes the folder anew, and a key that nobody had before.
    ///
    /// # Errors
    /// When it cannot be made, or is a folder that this program did not make.
    pub(crate) fn make(folder: &Path) -> Result<Self, String> {
        let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
        if folder.exists() {
            if !folder.join("api.key").exists()
                && fs::read_dir(folder).map_err(wrong)?.next().is_some()
            {
                return Err(format!("{} has something else in it", folder.display()));
            }
            fs::remove_dir_all(folder).map_err(wrong)?;
        }
        fs::create_dir_all(folder).map_err(wrong)?;
        let folder = folder.canonicalize().map_err(wrong)?;
        let mut random = [0; 24];
        let mut source = fs::File::open("/dev/urandom").map_err(wrong)?;
        source.read_exact(&mut random).map_err(wrong)?;
        let key: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let files = Self { folder, key };
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(files.key_file())
            .map_err(wrong)?;
        writeln!(file, "{}", files.key).map_err(wrong)?;
        Ok(files)
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.join("api.key")
    }

    /// Where a process says what it has to say.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// A folder of somebody's own.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file for each mail that was caught.
    pub(crate) fn mails(&self) -> PathBuf {
        self.folder("mails/new")
    }

    /// What is shipped for Prometheus and Alertmanager, with the addresses of this run, and looking
    /// every five seconds, so that the first numbers are there soon.
    ///
    /// # Errors
    /// When a file cannot be read or written, or has no longer what is replaced.
    pub(crate) fn configure(&self, places: &Places) -> Result<(), String> {
        let local = |port: u16| format!("127.0.0.1:{port}");
        let programs = [places.api, places.email, places.sms];
        let programs = programs.map(|port| format!("'{}'", local(port))).join(", ");
        self.copy(
            "prometheus/prometheus.yml",
            "prometheus.yml",
            &[
                ("interval: 15s", "interval: 5s"),
                (
                    "'notification-api:8080', 'email-worker:8080', 'sms-worker:8080'",
                    &programs,
                ),
                ("alertmanager:9093", &local(places.alertmanager)),
                ("postgres-exporter:9187", &local(places.postgres_exporter)),
                ("redis-exporter:9121", &local(places.redis_exporter)),
            ],
        )?;
        let rules = fs::read_dir(shipped("prometheus")).map_err(|error| error.to_string())?;
        for rule in rules {
            let name = rule.map_err(|error| error.to_string())?.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".rules.yml") {
                self.copy(&format!("prometheus/{name}"), &name, &[])?;
            }
        }
        self.copy("alertmanager/alertmanager.yml", "alertmanager.yml", &[])
    }

    /// A data source and dashboards for a Grafana of this machine.
    ///
    /// # Errors
    /// As [`Files::configure`].
    pub(crate) fn configure_grafana(&self, places: &Places) -> Result<(), String> {
        let provisioning = self.folder("grafana/provisioning");
        for folder in ["datasources", "dashboards"] {
            fs::create_dir_all(provisioning.join(folder)).map_err(|error| error.to_string())?;
        }
        self.copy(
            "grafana/provisioning/datasources/prometheus.yml",
            "grafana/provisioning/datasources/prometheus.yml",
            &[(
                "prometheus:9090",
                &format!("127.0.0.1:{}", places.prometheus),
            )],
        )?;
        let dashboards = shipped("grafana/dashboards");
        self.copy(
            "grafana/provisioning/dashboards/signalbus.yml",
            "grafana/provisioning/dashboards/signalbus.yml",
            &[("/var/lib/grafana/dashboards", &dashboards.to_string_lossy())],
        )
    }

    fn copy(&self, from: &str, to: &str, swaps: &[(&str, &str)]) -> Result<(), String> {
        let mut text =
            fs::read_to_string(shipped(from)).map_err(|error| format!("{from}: {error}"))?;
        for (old, new) in swaps {
            if !text.contains(old) {
                return Err(format!(
                    "{from} has no longer {old:?}, which is replaced here"
                ));
            }
            text = text.replace(old, new);
        }
        fs::write(self.folder.join(to), text).map_err(|error| format!("{to}: {error}"))
    }
}
