use std::{collections::BTreeMap, fmt, fs, path::Path};

use super::{ALL, Problem, Setting};

/// Where settings come from: the environment first, then the file.
#[derive(Clone, Default)]
pub struct Sources {
    variables: BTreeMap<String, String>,
    file: BTreeMap<String, toml::Value>,
}

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Variable,
    SecretFile,
    File,
    Default,
}

/// What the tests of the workspace use has nothing to do with the programs.
const TESTS: &str = "SIGNALBUS_TEST_";
const PREFIX: &str = "SIGNALBUS_";
const SUFFIX: &str = "_FILE";

impl Sources {
    /// From variables, and the file if there is one.
    ///
    /// # Errors
    /// When the file cannot be read, or is no TOML. Shows nothing of what is in it.
    pub fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, Problem> {
        let ours =
            |(name, _): &(String, String)| name.starts_with(PREFIX) && !name.starts_with(TESTS);
        let variables = variables.into_iter().filter(ours).collect();
        let file = match file {
            None => BTreeMap::new(),
            Some(path) => {
                let name = path.display();
                let text = fs::read_to_string(path).map_err(|error| {
                    Problem::new(format!("the file {name} cannot be read: {error}"))
                })?;
                // Its errors show the line, which may hold a secret.
                toml::from_str(&text).map_err(|error: toml::de::Error| {
                    let line = error
                        .span()
                        .map_or(0, |span| text[..span.start].lines().count().max(1));
                    Problem::new(format!("the file {name} is no TOML, in line {line}"))
                })?
            }
        };
        Ok(Self { variables, file })
    }

    /// Whether nobody said anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.file.is_empty()
    }

    /// The value of a setting, and where it was found.
    pub(super) fn find(&self, setting: &Setting) -> Result<Option<(String, Found)>, Problem> {
        let variable = setting.variable();
        let secret_file = setting.is_secret().then(|| format!("{variable}{SUFFIX}"));
        let named = secret_file
            .as_ref()
            .and_then(|name| self.variables.get(name));
        match (self.variables.get(&variable), named) {
            (Some(_), Some(_)) => Err(Problem::new(format!(
                "{variable} and {variable}{SUFFIX} are both set: one is enough"
            ))),
            (Some(value), None) => Ok(Some((value.clone(), Found::Variable))),
            (None, Some(path)) => read_secret(&format!("{variable}{SUFFIX}"), path).map(Some),
            (None, None) => self.in_file(setting),
        }
    }

    fn in_file(&self, setting: &Setting) -> Result<Option<(String, Found)>, Problem> {
        let name = setting.name;
        if setting.is_secret()
            && let Some(path) = self.file.get(&file_key(name))
        {
            if self.file.contains_key(name) {
                return Err(Problem::new(format!(
                    "`{name}` and `{name}_file` are both in the file: one is enough"
                )));
            }
            let path = path
                .as_str()
                .ok_or_else(|| Problem::new(format!("`{name}_file` in the file is no text")))?;
            return read_secret(&format!("`{name}_file` in the file"), path).map(Some);
        }
        match self.file.get(name) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some((text.clone(), Found::File))),
            Some(toml::Value::Array(items)) => {
                let items = items.iter().map(|item| item.as_str().map(str::to_owned));
                let items: Option<Vec<String>> = items.collect();
                let items = items.ok_or_else(|| {
                    Problem::new(format!(
                        "`{name}` in the file has something other than texts"
                    ))
                })?;
                Ok(Some((items.join(","), Found::File)))
            }
            Some(_) => Err(Problem::new(format!("`{name}` in the file is no text"))),
        }
    }

    /// Names that no program knows.
    pub(super) fn unknown(&self) -> Vec<Problem> {
        let known_variable = |name: &String| {
            ALL.iter().any(|setting| {
                let variable = setting.variable();
                *name == variable || (setting.is_secret() && *name == format!("{variable}{SUFFIX}"))
            })
        };
        let known_name = |name: &String| {
            ALL.iter().any(|setting| {
                name == setting.name || (setting.is_secret() && *name == file_key(setting.name))
            })
        };
        let variables = self.variables.keys().filter(|name| !known_variable(name));
        let names = self.file.keys().filter(|name| !known_name(name));
        variables
            .map(|name| Problem::new(format!("{name} is not the name of a setting")))
            .chain(names.map(|name| {
                Problem::new(format!("`{name}` in the file is not the name of a setting"))
            }))
            .collect()
    }
}

fn file_key(name: &str) -> String {
    format!("{name}_file")
}

/// The first line of the file.
fn read_secret(named_by: &str, path: &str) -> Result<(String, Found), Problem> {
    let text = fs::read_to_string(path).map_err(|error| {
        Problem::new(format!(
            "the file that {named_by} names cannot be read: {error}"
        ))
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok((text.to_owned(), Found::SecretFile))
}

impl fmt::Debug for Sources {
    /// Shows no value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("variables", &self.variables.keys())
            .field("file", &self.file.keys())
            .finish()
    }
}
