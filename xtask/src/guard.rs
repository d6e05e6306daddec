//! The core crate and its adapter interface pull no HTTP client, no database driver, no TLS: those
//! belong to adapters, where the host chooses them. And the first command of the README builds no
//! more than it runs.

use std::collections::BTreeSet;

use crate::process::{capture, cargo};
use crate::report::{Done, Report};

/// The crates that stay free of them, and the features that they have to stay free with.
const FREE: [(&str, &str); 2] = [("signalbus-core", "email,sms"), ("signalbus", "otel")];

/// What the first command of the README builds, the programs themselves included. Who adds a
/// dependency to the quickstart or below it decides here whether it is worth everybody's wait.
const CRATES_OF_THE_QUICKSTART: usize = 199;

/// Crates that must not be below the core, nor any crate named after them (`sqlx-core`).
const FORBIDDEN: [&str; 9] = [
    "hyper",
    "lettre",
    "native-tls",
    "openssl",
    "redis",
    "reqwest",
    "rskafka",
    "rustls",
    "sqlx",
];

pub(crate) fn run(report: &mut Report) {
    report.step("dependencies of the core", || {
        let mut found = Vec::new();
        for (package, features) in FREE {
            let tree = tree(package, features, &["--target=all", "--prefix=depth"])?;
            found.extend(offenders(&tree));
        }
        if found.is_empty() {
            Ok(Done::Ran(
                "no HTTP client, database driver or TLS".to_owned(),
            ))
        } else {
            Err(format!("forbidden: {}", found.join("; ")))
        }
    });
    report.step("crates of the quickstart", || {
        let tree = tree("signalbus-examples", "", &["--prefix=none"])?;
        let crates: BTreeSet<&str> = tree
            .lines()
            .map(|line| line.trim_end_matches(" (*)"))
            .collect();
        let count = crates.len();
        if count <= CRATES_OF_THE_QUICKSTART {
            Ok(Done::Ran(format!("{count} crates")))
        } else {
            Err(format!(
                "{count} crates, not {CRATES_OF_THE_QUICKSTART}: put what other examples need \
                 behind a feature of theirs"
            ))
        }
    });
}

/// All that a package needs to be built with these features.
fn tree(package: &str, features: &str, more: &[&str]) -> Result<String, String> {
    let mut command = cargo(["tree", "--edges=normal,build", "--format={p}"]);
    command.args(["--package", package, "--features", features]);
    command.args(more);
    capture(command)
}

/// The path from the core to each forbidden crate; not what that crate itself needs. A line is its depth and its crate:
/// `2rustls v0.23.46`.
fn offenders(tree: &str) -> Vec<String> {
    let mut path: Vec<&str> = Vec::new();
    let mut offenders = Vec::new();
    for line in tree.lines() {
        let Some(start) = line.find(|c: char| !c.is_ascii_digit()) else {
            continue;
        };
        let (depth, rest) = line.split_at(start);
        let name = rest.split(' ').next().unwrap_or(rest);
        path.truncate(depth.parse().unwrap_or_default());
        let below_another = path.iter().any(|above| is_forbidden(above));
        path.push(name);
        if is_forbidden(name) && !below_another {
            offenders.push(path.join(" -> "));
        }
    }
    offenders
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|forbidden| {
        name.strip_prefix(forbidden)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offender_is_named_with_its_path() {
        let tree = "0signalbus v0.1.0 (/p/signalbus)\n\
                    1uuid v1.29.3\n\
                    1client v1.0.0\n\
                    2rustls-webpki v0.103.0\n\
                    3rustls-pki-types v1.13.0\n\
                    2hyperlocal v0.1.0\n\
                    1tokio v1.54.1 (*)\n\
                    1openssl v0.10.0\n";
        assert_eq!(
            offenders(tree),
            [
                "signalbus -> client -> rustls-webpki",
                "signalbus -> openssl"
            ]
        );
    }
}
