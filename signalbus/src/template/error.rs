use std::{collections::BTreeMap, error::Error, fmt, io, path::Path};

use super::{Locale, TemplateLimits};
use crate::channel::Part;

/// Why templates could not be loaded, or a message not be rendered. Never shows data.
#[derive(Debug)]
pub struct TemplateError(Box<Inner>);

#[derive(Debug, Default)]
struct Inner {
    kind: TemplateErrorKind,
    /// Where it is, when that is not `template/locale/part`.
    place: Option<String>,
    template: Option<String>,
    locale: Option<String>,
    part: Option<String>,
    line: Option<usize>,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TemplateErrorKind {
    /// It is not written as templates are.
    Syntax,
    /// There is no such template, or no such part to include.
    Missing,
    /// The template has no locale that will do.
    NoLocale,
    /// A variable is undefined, or is `none` where text is to be written.
    Undefined,
    /// It is too long, too deep, or too much work.
    Limit,
    /// A header would have a line break or a control character.
    Header,
    /// A file is not UTF-8.
    Encoding,
    /// A file cannot be read.
    Io,
    /// The name of a template, locale or part cannot be used, or is in the wrong place.
    Name,
    /// An expression failed: an unknown filter, say, or a value of the wrong type.
    #[default]
    Failed,
}

impl TemplateError {
    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> TemplateErrorKind {
        self.0.kind
    }

    /// The template, if it is about one.
    #[must_use]
    pub fn template(&self) -> Option<&str> {
        self.0.template.as_deref()
    }

    /// The locale, if it is about one.
    #[must_use]
    pub fn locale(&self) -> Option<&str> {
        self.0.locale.as_deref()
    }

    /// The part, if it is about one.
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        self.0.part.as_deref()
    }

    /// The line of the part, from one, if it is about one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.0.line
    }

    /// Whether a limit was passed: of work, of output, of a source, or of the depth of data.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        self.0.kind == TemplateErrorKind::Limit
    }

    /// Whether the data lacks something that the template uses.
    #[must_use]
    pub fn is_undefined(&self) -> bool {
        self.0.kind == TemplateErrorKind::Undefined
    }

    fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            ..Inner::default()
        }))
    }

    /// About one part, by its key `template/locale/part`.
    pub(super) fn part_of(
        key: &str,
        line: Option<usize>,
        kind: TemplateErrorKind,
        message: impl Into<String>,
    ) -> Self {
        let mut error = Self::new(kind, message);
        let mut names = key.split('/').map(str::to_owned);
        error.0.template = names.next();
        error.0.locale = names.next();
        error.0.part = names.next();
        error.0.line = line;
        error
    }

    /// Says in which file it is.
    pub(super) fn at(mut self, path: &Path) -> Self {
        self.0.place = Some(path.display().to_string());
        self
    }

    fn placed(mut self, place: &str) -> Self {
        self.0.place = Some(place.escape_debug().to_string());
        self
    }

    fn of(mut self, template: &str) -> Self {
        self.0.template = Some(template.to_owned());
        self
    }

    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        let mut this = Self::new(TemplateErrorKind::Io, "cannot be read").at(path);
        this.0.source = Some(error.into());
        this
    }

    pub(super) fn not_utf8(path: &Path, what: &str) -> Self {
        Self::new(
            TemplateErrorKind::Encoding,
            format!("{what} is not UTF-8; save it as UTF-8"),
        )
        .at(path)
    }

    pub(super) fn misplaced(path: &Path, problem: &str) -> Self {
        Self::new(TemplateErrorKind::Name, problem).at(path)
    }

    pub(super) fn not_a_path(path: &str) -> Self {
        Self::new(
            TemplateErrorKind::Name,
            "is not `<template>/<locale>/<part>`, such as `user.signup/en/subject.txt`",
        )
        .placed(path)
    }

    pub(super) fn not_a_locale(text: &str) -> Self {
        Self::new(
            TemplateErrorKind::Name,
            "is not a locale; write a BCP 47 tag such as `en` or `pt-BR`",
        )
        .placed(text)
    }

    pub(super) fn bad_template_name(template: &str) -> Self {
        Self::new(
            TemplateErrorKind::Name,
            "is not the name of a template: 1 to 128 characters of a-z, A-Z, 0-9, '.', '_' or \
             '-', the first not '.'",
        )
        .placed(template)
    }

    pub(super) fn bad_part_name(template: &str, part: &str) -> Self {
        Self::new(
            TemplateErrorKind::Name,
            "is not the name of a part: 1 to 128 bytes without '/', '\\' or control characters, \
             the first not '.'",
        )
        .placed(part)
        .of(template)
    }

    pub(super) fn source_too_long(key: &str, limits: TemplateLimits) -> Self {
        let limit = limits.source_bytes;
        Self::part_of(
            key,
            None,
            TemplateErrorKind::Limit,
            format!("is longer than {limit} bytes, the limit for a source"),
        )
    }

    pub(super) fn too_deep(template: &str, name: &str, limits: TemplateLimits) -> Self {
        let limit = limits.data_depth;
        Self::new(
            TemplateErrorKind::Limit,
            format!("`{name}` is nested deeper than {limit}"),
        )
        .of(template)
    }

    pub(super) fn header(key: &str) -> Self {
        Self::part_of(
            key,
            None,
            TemplateErrorKind::Header,
            "is a header, and a value brought a line break or control character into it",
        )
    }

    pub(super) fn no_template(template: &str) -> Self {
        Self::new(TemplateErrorKind::Missing, "there is no such template")
            .placed(template)
            .of(template)
    }

    pub(super) fn incomplete(template: &str, locale: &Locale, parts: &[Part]) -> Self {
        let has: Vec<&str> = locale.parts.keys().map(String::as_str).collect();
        let mut error = Self::new(
            TemplateErrorKind::NoLocale,
            format!(
                "is passed over: it needs {} and has {}",
                needed(parts),
                list(&has)
            ),
        )
        .of(template);
        error.0.locale = Some(locale.tag.clone());
        error
    }

    pub(super) fn no_locale(
        template: &str,
        wishes: &[&str],
        default: &str,
        locales: &BTreeMap<String, Locale>,
        parts: &[Part],
    ) -> Self {
        let wanted = needed(parts);
        let there: Vec<String> = locales
            .values()
            .map(|locale| {
                let parts: Vec<&str> = locale.parts.keys().map(String::as_str).collect();
                format!("{} ({})", locale.tag, parts.join(", "))
            })
            .collect();
        let wishes: Vec<&str> = wishes.iter().copied().chain([default]).collect();
        Self::new(
            TemplateErrorKind::NoLocale,
            format!(
                "none of the locales {} has {wanted}; there are {}",
                list(&wishes),
                there.join(", ")
            ),
        )
        .of(template)
    }
}

/// What a locale must have.
fn needed(parts: &[Part]) -> String {
    let names = |wanted: fn(&Part) -> bool| -> Vec<&str> {
        let wanted = parts.iter().filter(|part| wanted(part));
        wanted.map(|part| part.name).collect()
    };
    let (required, choice) = (names(|part| part.required), names(|part| part.one_of));
    match (required.is_empty(), choice.is_empty()) {
        (true, true) => format!("any of {}", list(&names(|_| true))),
        (false, true) => list(&required),
        (true, false) => format!("one of {}", list(&choice)),
        (false, false) => format!("{} and one of {}", list(&required), list(&choice)),
    }
}

/// Names in quotes, with anything odd escaped and cut: wishes come from events.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| {
            let name: String = name.chars().take(64).collect();
            format!("`{}`", name.escape_debug())
        })
        .collect();
    quoted.join(", ")
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        match (&inner.place, &inner.template) {
            (Some(place), _) => write!(f, "{place}")?,
            (None, Some(template)) => {
                write!(f, "{template}")?;
                for name in [&inner.locale, &inner.part].into_iter().flatten() {
                    write!(f, "/{name}")?;
                }
            }
            (None, None) => f.write_str("templates")?,
        }
        if let Some(line) = inner.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", inner.message)
    }
}

impl Error for TemplateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
