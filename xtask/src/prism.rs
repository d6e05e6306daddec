//! Prism, of npm, in a folder of its own: it looks at requests with the vendors' own OpenAPI documents.
//!
//! The documents are not in this repository. A document that is not in the folder is not checked, and the
//! report says which: the extract of Twilio's is `spec/json/twilio_api_v2010.json` of twilio/twilio-oai (MIT), cut
//! to the paths `Messages.json` and `Messages/{Sid}.json` and the schemas that they name.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::metadata::Metadata;
use crate::process::{cargo, run as run_command, works};
use crate::report::{Done, Report};

/// Names the program for the tests.
const VARIABLE: &str = "SIGNALBUS_TEST_PRISM";

/// Names the folder with extracts of the vendors' documents.
const VECTORS: &str = "SIGNALBUS_VECTORS";

const PACKAGE: &str = "@stoplight/prism-cli@5.14.2";

/// Each document, and the test that needs it.
const DOCUMENTS: [(&str, &str); 2] = [
    ("openapi_mailgun_messages_prism.json", "mails_are"),
    ("openapi_twilio_messages.json", "texts_are"),
];

/// Checks requests to those vendors whose documents are there.
pub(crate) fn run(report: &mut Report) {
    report.step("requests against the vendors' documents", || {
        let Some(folder) = std::env::var_os(VECTORS).map(PathBuf::from) else {
            let why = format!("{VECTORS} names no folder with OpenAPI documents");
            return Ok(Done::NotChecked(why));
        };
        let there: Vec<_> = DOCUMENTS
            .into_iter()
            .filter(|(document, _)| folder.join(document).exists())
            .collect();
        if there.is_empty() {
            return Ok(Done::NotChecked("no OpenAPI document is there".to_owned()));
        }
        let program = program()?;
        let mut command = cargo(["test", "--package", "signalbus-http", "--test", "openapi"]);
        command.args(["--", "--ignored"]);
        command.args(there.iter().map(|(_, test)| test));
        command.env(VARIABLE, program);
        run_command(command)?;
        let said: Vec<_> = DOCUMENTS
            .iter()
            .map(|document| match there.contains(document) {
                true => document.0.to_owned(),
                false => format!("not {}, which is not there", document.0),
            })
            .collect();
        Ok(Done::Ran(said.join(", ")))
    });
}

/// The program that is named, or one that is installed here.
fn program() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os(VARIABLE) {
        return Ok(program.into());
    }
    let folder = Metadata::target()?.join("prism");
    let program = folder.join("node_modules/.bin/prism");
    if !works(version(&program)) {
        let mut command = Command::new("npm");
        command.args(["install", "--no-audit", "--no-fund", "--prefix"]);
        command.arg(&folder).arg(PACKAGE);
        run_command(command)?;
    }
    Ok(program)
}

fn version(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--version");
    command
}
