use std::{fmt, str::FromStr};

use super::{
    Kind, Setting, Shown, Sources,
    secret::{problem, problem_of_url},
    sources::Found,
};

/// Something that is wrong with the settings. Never shows the value of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl Problem {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

/// Reads settings one after the other, and remembers what is wrong with any of them.
#[derive(Debug)]
pub struct Reader<'a> {
    sources: &'a Sources,
    problems: Vec<Problem>,
    shown: Vec<Shown>,
}

impl<'a> Reader<'a> {
    /// Reads from these.
    #[must_use]
    pub fn new(sources: &'a Sources) -> Self {
        Self {
            sources,
            problems: sources.unknown(),
            shown: Vec::new(),
        }
    }

    /// A setting that is there or has a default, parsed by `parse`, whose error must not show it.
    pub fn read<T, E: fmt::Display>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.find(setting)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.complain(setting, &error.to_string());
                None
            }
        }
    }

    /// The same by [`FromStr`].
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, setting: &Setting) -> Option<T> {
        self.read(setting, T::from_str)
    }

    /// A secret that stands by itself.
    pub fn secret(&mut self, setting: &Setting) -> Option<String> {
        self.read(setting, |text| match problem(text) {
            None => Ok(text.to_owned()),
            Some(problem) => Err(problem),
        })
    }

    /// An account as a URL: checked for its password first.
    pub fn url<T, E: fmt::Display>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.read(setting, |text| match problem_of_url(text) {
            None => parse(text).map_err(|error| error.to_string()),
            Some(problem) => Err(problem.to_owned()),
        })
    }

    /// Words with commas between.
    pub fn list(&mut self, setting: &Setting) -> Vec<String> {
        let text = self.find(setting).unwrap_or_default();
        let words = text.split(',').map(|word| word.trim().to_owned());
        words.filter(|word| !word.is_empty()).collect()
    }

    /// Something that is wrong with a setting, beside its form.
    pub fn complain(&mut self, setting: &Setting, what: &str) {
        let problem = format!("{}: {what}", setting.variable());
        self.problems.push(Problem::new(problem));
    }

    /// What is in force.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn finish(self) -> Result<Vec<Shown>, Problems> {
        if self.problems.is_empty() {
            Ok(self.shown)
        } else {
            Err(Problems(self.problems))
        }
    }

    fn find(&mut self, setting: &Setting) -> Option<String> {
        let found = match self.sources.find(setting) {
            Ok(found) => found,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        let found = match (found, setting.kind) {
            (Some(found), _) => Some(found),
            (None, Kind::Default(text)) => Some((text.to_owned(), Found::Default)),
            (None, Kind::Secret { required }) => {
                if required {
                    let what = format!("is missing: {}", setting.what);
                    self.complain(setting, &what);
                }
                None
            }
        };
        let place = found.as_ref().map(|(text, place)| (text.as_str(), *place));
        self.shown.push(Shown::new(setting, place));
        found.map(|(text, _)| text)
    }
}
