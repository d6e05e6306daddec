//! Language tags: BCP 47 (RFC 5646), looked up as RFC 4647 section 3.4 says.

use super::TemplateError;

/// A well-formed language tag. Whether it is registered is not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    key: String,
    canonical: String,
}

impl Tag {
    /// The longest tag that is taken.
    const MAX_BYTES: usize = 64;

    /// `en`.
    pub(super) fn english() -> Self {
        Self {
            key: "en".to_owned(),
            canonical: "en".to_owned(),
        }
    }

    /// Takes a tag in any case, with `_` as good as `-`; none when it is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let key = normalise(text)?;
        let canonical = canonical(&key);
        Some(Self { key, canonical })
    }

    /// As [`Tag::parse`], with an error that says what a tag looks like.
    pub(super) fn checked(text: &str) -> Result<Self, TemplateError> {
        Self::parse(text).ok_or_else(|| TemplateError::not_a_locale(text))
    }

    /// In lower case, for comparing.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// In the usual case, such as `zh-Hant-TW` (RFC 5646 section 2.1.1).
    pub(super) fn canonical(&self) -> &str {
        &self.canonical
    }
}

/// The tag in lower case with hyphens, if it is well formed.
pub(super) fn normalise(text: &str) -> Option<String> {
    if text.len() > Tag::MAX_BYTES {
        return None;
    }
    let key = text.replace('_', "-").to_ascii_lowercase();
    let mut subtags = key.split('-');
    let language = subtags.next()?;
    let well_formed = (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && subtags.all(|subtag| {
            (1..=8).contains(&subtag.len())
                && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    well_formed.then_some(key)
}

/// A normalised tag, then what is left as its subtags are taken off from the end: `zh-hant-tw`,
/// `zh-hant`, `zh`. A single letter goes with what it introduces.
pub(super) fn chain(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |tag| {
        let (rest, _) = tag.rsplit_once('-')?;
        match rest.rsplit_once('-') {
            Some((shorter, introducer)) if introducer.len() == 1 => Some(shorter),
            _ => Some(rest),
        }
    })
}

fn canonical(key: &str) -> String {
    let mut tag = String::with_capacity(key.len());
    let mut after_singleton = false;
    for (place, subtag) in key.split('-').enumerate() {
        if place > 0 {
            tag.push('-');
        }
        match subtag.len() {
            2 if place > 0 && !after_singleton => tag.push_str(&subtag.to_ascii_uppercase()),
            4 if place > 0 && !after_singleton => {
                tag.push_str(&subtag[..1].to_ascii_uppercase());
                tag.push_str(&subtag[1..]);
            }
            _ => tag.push_str(subtag),
        }
        after_singleton |= subtag.len() == 1;
    }
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_spelled_as_the_standard_does() {
        for (text, canonical) in [
            ("EN", "en"),
            ("pt_br", "pt-BR"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("sr-LATN", "sr-Latn"),
            ("es-419", "es-419"),
            ("sl-rozaj-biske", "sl-rozaj-biske"),
            ("DE-de-U-CO-PHONEBK", "de-DE-u-co-phonebk"),
            ("de-x-acme-ab", "de-x-acme-ab"),
        ] {
            assert_eq!(Tag::parse(text).unwrap().canonical(), canonical);
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        let long = format!("en-{}", "abcdefgh-".repeat(8));
        for text in [
            "",
            "e",
            "-",
            "en-",
            "-en",
            "en--us",
            "12",
            "e1",
            "englishlanguage",
            "en US",
            "../en",
            "en/us",
            "pt_BR.UTF-8",
            "dé",
            "en\0",
            &long,
        ] {
            assert_eq!(Tag::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn subtags_are_taken_off_from_the_end() {
        for (key, steps) in [
            ("pt", vec!["pt"]),
            ("pt-br", vec!["pt-br", "pt"]),
            ("zh-hant-tw", vec!["zh-hant-tw", "zh-hant", "zh"]),
            (
                "de-de-u-co-phonebk",
                vec!["de-de-u-co-phonebk", "de-de-u-co", "de-de", "de"],
            ),
            ("de-x-acme", vec!["de-x-acme", "de"]),
        ] {
            assert_eq!(chain(key).collect::<Vec<_>>(), steps);
        }
    }
}
