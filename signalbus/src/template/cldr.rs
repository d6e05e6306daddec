//! Which locales stand in for another, by the Unicode CLDR (UTS #35, sections 4.3 and 4.4): aliases, likely
//! scripts, and parents.

use icu_locale::{Locale, LocaleCanonicalizer, LocaleExpander, fallback::LocaleFallbacker};

/// A locale that will do in the place of another.
pub(super) struct Stand {
    /// Its tag in lower case.
    pub(super) key: String,
    /// What it most likely means.
    pub(super) likely: Option<String>,
}

/// Language, script and region that a tag most likely means, in lower case: `zh-hant-tw` for `zh-TW`. None for
/// what is no locale of CLDR's form.
pub(super) fn likely(key: &str) -> Option<String> {
    let mut locale = canonical(key)?;
    LocaleExpander::new_extended().maximize(&mut locale.id);
    Some(locale.to_string().to_ascii_lowercase())
}

/// The locale itself, then its parents, without the one that stands for all languages.
pub(super) fn chain(key: &str) -> Vec<Stand> {
    let mut chain = Vec::new();
    let Some(locale) = canonical(key) else {
        return chain;
    };
    let fallbacker = LocaleFallbacker::new();
    let mut steps = fallbacker
        .for_config(Default::default())
        .fallback_for((&locale).into());
    while !steps.get().is_unknown() {
        let key = steps.get().to_string().to_ascii_lowercase();
        let norwegian = key == "no";
        chain.push(stand(key));
        if norwegian {
            // Its written form, which CLDR takes for its child.
            chain.push(stand("nb".to_owned()));
        }
        steps.step();
    }
    chain
}

fn stand(key: String) -> Stand {
    Stand {
        likely: likely(&key),
        key,
    }
}

/// With `iw` as `he`, and the like.
fn canonical(key: &str) -> Option<Locale> {
    let mut locale = Locale::try_from_str(key).ok()?;
    LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
    Some(locale)
}
