//! The core crate pulls no HTTP client, no database driver, no TLS.
//!
//! Those belong to adapters, where the host chooses them.

use crate::process::{capture, cargo};
use crate::report::{Done, Report};

const CORE: &str = "signalbus";

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
        let tree = capture(cargo([
            "tree",
            "--package",
            CORE,
            "--all-features",
            "--edges=normal",
            "--target=all",
            "--prefix=depth",
            "--format={p}",
        ]))?;
        let offenders = offenders(&tree);
        if offenders.is_empty() {
            Ok(Done::Ran(
                "no HTTP client, database driver or TLS".to_owned(),
            ))
        } else {
            Err(format!("forbidden: {}", offenders.join("; ")))
        }
    });
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
