//! Templates: what a message says, in each language.
//!
//! A template is a folder of locales, a locale is a folder of parts, and which parts there are is
//! up to the [channels](crate::channel::Channel::PARTS):
//!
//! ```text
//! templates/user.signup/en/subject.txt
//! templates/user.signup/en/body.txt
//! templates/user.signup/en/body.html
//! templates/user.signup/pt-BR/sms.txt
//! ```
//!
//! The language is Jinja. A template sees `data`, `recipient` (`id`, `name`, `locale`, `data`;
//! never an address), `event` (`id`, `topic`), `tenant` and `locale`. It may include, import and
//! extend other files of its own folder.
//!
//! A wrong message is worse than none, so rendering is strict: an undefined variable is an error,
//! and so is writing `none` into text (`{{ recipient.name or "there" }}` says what to write
//! instead). What `none` becomes through a filter or `~` is refused in the same way. Values are escaped by the [kind](crate::channel::PartKind) of the part, never by the
//! name of the file.
//!
//! Which locale a recipient gets goes by the Unicode CLDR (`icu_locale`, CLDR 49): `iw` is `he`, `zh-TW` is
//! written as `zh-Hant`, the parent of `en-AU` is `en-001`. Only when that finds nothing are subtags taken off
//! the end (RFC 4647 section 3.4).

mod cldr;
mod context;
mod engine;
mod error;
mod limits;
mod load;
mod locale;
mod none;
mod output;
mod render;
mod scan;
mod tenants;
#[cfg(test)]
mod tests;

pub use error::{TemplateError, TemplateErrorKind};
pub use limits::TemplateLimits;
pub use render::{RenderRequest, Rendered};
pub use tenants::TenantTemplates;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::Path,
    sync::Arc,
};

use self::{engine::Engine, locale::Tag};
use crate::channel::Part;

/// All templates of an application, compiled. Cheap to clone.
///
/// ```
/// use signalbus::template::Templates;
///
/// let templates = Templates::new()
///     .part("user.signup", "en", "subject.txt", "Welcome, {{ recipient.name }}")?
///     .part("user.signup", "pt-BR", "subject.txt", "Boas-vindas, {{ recipient.name }}")?
///     .default_locale("en")?;
/// # assert_eq!(templates.names().collect::<Vec<_>>(), ["user.signup"]);
/// # Ok::<_, signalbus::template::TemplateError>(())
/// ```
#[derive(Clone)]
pub struct Templates {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    default_locale: Tag,
    limits: TemplateLimits,
    templates: HashMap<String, Locales>,
    engine: Engine,
    /// What tenants have in the place of these; the same for all clones.
    tenants: TenantTemplates,
}

/// The locales of one template, by their tags in lower case.
type Locales = BTreeMap<String, Locale>;

/// One locale of one template.
#[derive(Clone)]
struct Locale {
    /// The tag in its usual spelling.
    tag: String,
    /// What the tag most likely means.
    likely: Option<String>,
    /// What the engine calls each part.
    parts: BTreeMap<String, String>,
}

impl Locale {
    /// Whether a message of these parts can be made from it.
    fn serves(&self, parts: &[Part]) -> bool {
        let has = |part: &&Part| self.parts.contains_key(part.name);
        let mut choice = parts.iter().filter(|part| part.one_of).peekable();
        parts
            .iter()
            .filter(|part| part.required)
            .all(|part| has(&part))
            && (choice.peek().is_none() || choice.any(|part| has(&part)))
            && self.is_for(parts)
    }

    /// Whether it has any of these parts.
    fn is_for(&self, parts: &[Part]) -> bool {
        parts.iter().any(|part| self.parts.contains_key(part.name))
    }
}

impl Templates {
    /// No templates yet.
    #[must_use]
    pub fn new() -> Self {
        let limits = TemplateLimits::default();
        Self {
            shared: Arc::new(Shared {
                default_locale: Tag::english(),
                limits,
                templates: HashMap::new(),
                engine: Engine::new(limits.fuel),
                tenants: TenantTemplates::default(),
            }),
        }
    }

    /// All templates of a folder; see [`Templates::with_dir`].
    ///
    /// # Errors
    /// When a file cannot be read or compiled; the error names it.
    pub fn dir(path: impl AsRef<Path>) -> Result<Self, TemplateError> {
        Self::new().with_dir(path)
    }

    /// Templates that are part of the program; see [`Templates::with_embedded`].
    ///
    /// # Errors
    /// When a path is not `<name>/<locale>/<part>`, or a template does not compile.
    pub fn embedded(files: &[(&str, &str)]) -> Result<Self, TemplateError> {
        Self::new().with_embedded(files)
    }

    /// Adds all files `<name>/<locale>/<part>` below `path`. They are read and compiled here, and
    /// never looked at again. Blocks while it reads.
    ///
    /// Names that begin with a dot are left out. A link is followed only to a place below `path`.
    ///
    /// # Errors
    /// When a file cannot be read or compiled, a folder is not a locale, or a link leads outside;
    /// the error names it.
    pub fn with_dir(self, path: impl AsRef<Path>) -> Result<Self, TemplateError> {
        load::dir(path.as_ref(), self)
    }

    /// Adds templates by path (`user.signup/en/subject.txt`) and source, as `include_str!` gives
    /// it.
    ///
    /// # Errors
    /// When a path is not `<name>/<locale>/<part>`, or a template does not compile.
    pub fn with_embedded(self, files: &[(&str, &str)]) -> Result<Self, TemplateError> {
        files.iter().try_fold(self, |templates, (path, source)| {
            let (name, locale, part) = load::split(path)?;
            templates.part(name, locale, part, source)
        })
    }

    /// Adds one part. A part added before under the same name is replaced, so that an application
    /// can ship templates and let a folder override them. A byte order mark before it is left out.
    ///
    /// # Errors
    /// When the source does not compile, names a filter or test that is not there, or is too long, the locale is not a BCP 47 tag, or a name
    /// cannot be used.
    pub fn part(
        mut self,
        template: &str,
        locale: &str,
        part: &str,
        source: &str,
    ) -> Result<Self, TemplateError> {
        load::check_names(template, part)?;
        let tag = Tag::checked(locale)?;
        let shared = Arc::make_mut(&mut self.shared);
        let key = format!("{template}/{}/{part}", tag.canonical());
        // The mark that some editors begin a file with is no text.
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        if source.len() > shared.limits.source_bytes {
            return Err(TemplateError::source_too_long(&key, shared.limits));
        }
        shared.engine.add(&key, source)?;
        shared
            .templates
            .entry(template.to_owned())
            .or_default()
            .entry(tag.key().to_owned())
            .or_insert_with(|| Locale {
                tag: tag.canonical().to_owned(),
                likely: cldr::likely(tag.key()),
                parts: BTreeMap::new(),
            })
            .parts
            .insert(part.to_owned(), key);
        Ok(self)
    }

    /// Sets the locale for recipients whose own has no templates: `en` unless set.
    ///
    /// # Errors
    /// When it is not a BCP 47 tag such as `pt-BR`.
    pub fn default_locale(mut self, locale: &str) -> Result<Self, TemplateError> {
        Arc::make_mut(&mut self.shared).default_locale = Tag::checked(locale)?;
        Ok(self)
    }

    /// Sets how much a template may use up. Its limit on sources holds for parts added from here
    /// on.
    #[must_use]
    pub fn limits(mut self, limits: TemplateLimits) -> Self {
        let shared = Arc::make_mut(&mut self.shared);
        shared.limits = limits;
        shared.engine.set_fuel(limits.fuel);
        self
    }

    /// The names of all templates, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut names: Vec<&str> = self.shared.templates.keys().map(String::as_str).collect();
        names.sort_unstable();
        names.into_iter()
    }

    /// The locales of a template, in order; none when there is no such template.
    pub fn locales(&self, template: &str) -> impl Iterator<Item = &str> {
        self.shared
            .templates
            .get(template)
            .into_iter()
            .flat_map(|locales| locales.values().map(|locale| locale.tag.as_str()))
    }

    /// Whether some locale of it has some of these parts: it is meant for the channel that they are of.
    pub(crate) fn has_any(&self, template: &str, parts: &[Part]) -> bool {
        let locales = self.shared.templates.get(template);
        let mut locales = locales.into_iter().flat_map(BTreeMap::values);
        locales.any(|locale| locale.is_for(parts))
    }

    /// Whether a message of these parts could be made for a recipient of any locale, and from each
    /// locale that has any of them. [`Builder::build`](crate::Builder::build) asks it for every rule of
    /// the policy.
    ///
    /// # Errors
    /// When there is no such template, its default locale lacks a part that is needed, or another
    /// locale has some of these parts and would still be passed over.
    pub fn check(&self, template: &str, parts: &[Part]) -> Result<(), TemplateError> {
        self.choose(template, &[], parts)?;
        let locales = self.shared.templates.get(template);
        let mut locales = locales.into_iter().flat_map(BTreeMap::values);
        match locales.find(|locale| locale.is_for(parts) && !locale.serves(parts)) {
            Some(locale) => Err(TemplateError::incomplete(template, locale, parts)),
            None => Ok(()),
        }
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("names", &self.names().collect::<Vec<_>>())
            .field("default_locale", &self.shared.default_locale.canonical())
            .finish_non_exhaustive()
    }
}
