//! The one file that knows the template language's implementation.

use std::{borrow::Cow, error::Error as _, ops::Range};

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, context};

use super::{
    TemplateError, TemplateErrorKind,
    none::{self, GUARD, NONE},
    output::Capped,
    scan::{Scan, scan},
};
use crate::channel::PartKind;

/// How deep includes, macros and loops may be nested: well within the stack of a thread of 2 MiB.
const RECURSION: usize = 200;

/// Compiled parts, by key.
///
/// Escaping is fixed when a part is compiled, but its kind is known only when a channel asks for
/// it. So each part is compiled once for each way of escaping, and what it includes is escaped
/// as it is itself.
#[derive(Clone)]
pub(super) struct Engine {
    plain: Environment<'static>,
    html: Environment<'static>,
    json: Environment<'static>,
}

impl Engine {
    pub(super) fn new(fuel: u64) -> Self {
        let mut engine = Self {
            plain: environment(AutoEscape::None),
            html: environment(AutoEscape::Html),
            json: environment(AutoEscape::Json),
        };
        engine.set_fuel(fuel);
        engine
    }

    pub(super) fn set_fuel(&mut self, fuel: u64) {
        for environment in [&mut self.plain, &mut self.html, &mut self.json] {
            environment.set_fuel(Some(fuel));
        }
    }

    /// Compiles a part, and looks whether what it names is there. `key` is `template/locale/part`.
    pub(super) fn add(&mut self, key: &str, source: &str) -> Result<(), TemplateError> {
        self.plain
            .template_from_named_str(key, source)
            .map_err(|error| syntax(key, &error))?;
        let found = scan(source);
        self.check_names(key, &found)?;
        let source = found.guarded(source);
        for environment in [&mut self.plain, &mut self.html, &mut self.json] {
            environment
                .add_template_owned(key.to_owned(), source.clone())
                .map_err(|error| syntax(key, &error))?;
        }
        Ok(())
    }

    /// The implementation finds out what does not exist when it is used.
    fn check_names(&self, key: &str, found: &Scan<'_>) -> Result<(), TemplateError> {
        for (what, names) in [("filter", &found.filters), ("test", &found.tests)] {
            if names.is_empty() {
                continue;
            }
            let there = self
                .plain
                .compile_expression(if what == "filter" {
                    "name is filter"
                } else {
                    "name is test"
                })
                .map_err(|error| syntax(key, &error))?;
            for (name, line) in names {
                let is_there = there.eval(context! { name => *name });
                if !is_there.is_ok_and(|answer| answer.is_true()) {
                    let short: String = name.chars().take(80).collect();
                    return Err(TemplateError::part_of(
                        key,
                        Some(*line),
                        TemplateErrorKind::Failed,
                        format!("there is no {what} `{}`", short.escape_debug()),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Renders a part that was added.
    pub(super) fn render(
        &self,
        key: &str,
        kind: PartKind,
        context: &Value,
        limit: usize,
    ) -> Result<String, TemplateError> {
        let environment = match kind {
            PartKind::Text | PartKind::Header => &self.plain,
            PartKind::Html => &self.html,
            PartKind::Json => &self.json,
        };
        let template = environment
            .get_template(key)
            .map_err(|error| failed(key, environment, &error))?;
        let mut output = Capped::new(limit, template.source().len());
        let result = template
            .render_captured_to(context.clone(), &mut output)
            .map(drop);
        if output.exceeded() {
            return Err(TemplateError::part_of(
                key,
                None,
                TemplateErrorKind::Limit,
                format!("its output is longer than {limit} bytes"),
            ));
        }
        result.map_err(|error| failed(key, environment, &error))?;
        String::from_utf8(output.into_bytes()).map_err(|_| {
            TemplateError::part_of(key, None, TemplateErrorKind::Encoding, "wrote no UTF-8")
        })
    }
}

fn environment(escape: AutoEscape) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_debug(false);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(RECURSION);
    environment.set_auto_escape_callback(move |_| escape.clone());
    none::refuse_in(&mut environment);
    environment.set_path_join_callback(beside);
    environment
}

/// The key of a file in the folder of the file that includes it. Names have no slash, so that
/// `../` finds nothing.
fn beside<'a>(name: &'a str, including: &'a str) -> Cow<'a, str> {
    match including.rsplit_once('/') {
        Some((folder, _)) => Cow::Owned(format!("{folder}/{name}")),
        None => Cow::Borrowed(name),
    }
}

fn syntax(key: &str, error: &Error) -> TemplateError {
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError::part_of(key, error.line(), TemplateErrorKind::Syntax, message)
}

/// What went wrong in words of our own: the details of the implementation's errors can quote
/// values, so only the source of the expression is shown.
fn failed(key: &str, environment: &Environment<'_>, error: &Error) -> TemplateError {
    let error = innermost(error);
    let key = error.name().unwrap_or(key);
    let expression = environment
        .get_template(key)
        .ok()
        .and_then(|template| excerpt(template.source(), error.range()?));
    let what = expression.as_deref().unwrap_or("an expression");
    let (kind, message) = match error.kind() {
        ErrorKind::UndefinedError if error.detail() == Some(NONE) => (
            TemplateErrorKind::Undefined,
            format!("{what} is none; write what to say instead, as in {{{{ name or \"you\" }}}}"),
        ),
        ErrorKind::UndefinedError => (
            TemplateErrorKind::Undefined,
            format!("{what} is undefined or uses something undefined"),
        ),
        ErrorKind::OutOfFuel => (
            TemplateErrorKind::Limit,
            "is too much work; look for a loop that is too long".to_owned(),
        ),
        ErrorKind::TemplateNotFound => (
            TemplateErrorKind::Missing,
            format!("{what} asks for a part that is not in its folder"),
        ),
        ErrorKind::InvalidOperation if is_recursion(error) => (
            TemplateErrorKind::Limit,
            "is nested too deep; look for a macro or include that uses itself".to_owned(),
        ),
        kind => (TemplateErrorKind::Failed, format!("{kind} in {what}")),
    };
    TemplateError::part_of(key, error.line(), kind, message)
}

fn is_recursion(error: &Error) -> bool {
    error.detail() == Some("recursion limit exceeded")
}

/// The error that an include or block wraps.
fn innermost(error: &Error) -> &Error {
    let mut innermost = error;
    while let Some(inner) = innermost
        .source()
        .and_then(|source| source.downcast_ref::<Error>())
    {
        innermost = inner;
    }
    innermost
}

/// The inside of the `{{ }}` or `{% %}` around a piece of source, on one short line. The piece
/// itself is too little: it can be just the filter that was given something undefined.
fn excerpt(source: &str, range: Range<usize>) -> Option<String> {
    let before = source.get(..range.start)?;
    let after = source.get(range.end..)?;
    let start = before.rfind("{{").max(before.rfind("{%"))? + 2;
    let end = [after.find("}}"), after.find("%}")];
    let end = range.end + end.into_iter().flatten().min()?;
    let tag = source.get(start..end)?.replace(&format!("|{GUARD}"), "");
    let tag = tag.trim_matches(['-', '+', ' ', '\n']);
    let short: String = tag.lines().next()?.trim().chars().take(80).collect();
    (!short.is_empty()).then(|| format!("`{short}`"))
}
