//! From files to templates.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::{TemplateError, Templates, locale::Tag};

/// `user.signup/en/subject.txt` as its three names.
pub(super) fn split(path: &str) -> Result<(&str, &str, &str), TemplateError> {
    let mut names = path.split('/');
    match (names.next(), names.next(), names.next(), names.next()) {
        (Some(template), Some(locale), Some(part), None) => Ok((template, locale, part)),
        _ => Err(TemplateError::not_a_path(path)),
    }
}

/// Template names are those of topics; part names are those of files.
pub(super) fn check_names(template: &str, part: &str) -> Result<(), TemplateError> {
    let plain = |name: &str| !name.is_empty() && name.len() <= 128 && !name.starts_with('.');
    let topic = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !plain(template) || !template.bytes().all(topic) {
        return Err(TemplateError::bad_template_name(template));
    }
    if !plain(part) || part.contains(|c: char| c.is_control() || matches!(c, '/' | '\\')) {
        return Err(TemplateError::bad_part_name(template, part));
    }
    Ok(())
}

/// Adds everything below `path`.
pub(super) fn dir(path: &Path, mut templates: Templates) -> Result<Templates, TemplateError> {
    let root = fs::canonicalize(path).map_err(|error| TemplateError::io(path, error))?;
    for template in entries(path, &root)? {
        // Files beside the templates, such as a README, are nobody's part.
        if template.is_dir {
            templates = locales(&template, &root, templates)?;
        }
    }
    Ok(templates)
}

fn locales(
    template: &Entry,
    root: &Path,
    mut templates: Templates,
) -> Result<Templates, TemplateError> {
    let mut seen = BTreeSet::new();
    for locale in entries(&template.path, root)? {
        if !locale.is_dir {
            return Err(TemplateError::misplaced(
                &locale.path,
                "is a file where a folder for a locale, such as `en`, is expected",
            ));
        }
        let tag = Tag::checked(&locale.name).map_err(|error| error.at(&locale.path))?;
        if !seen.insert(tag.key().to_owned()) {
            return Err(TemplateError::misplaced(
                &locale.path,
                "is the same locale as another folder beside it",
            ));
        }
        for part in entries(&locale.path, root)? {
            if part.is_dir {
                return Err(TemplateError::misplaced(
                    &part.path,
                    "is a folder where a file is expected",
                ));
            }
            let source = read(&part.path, &templates)?;
            templates = templates
                .part(&template.name, &locale.name, &part.name, &source)
                .map_err(|error| error.at(&part.path))?;
        }
    }
    Ok(templates)
}

struct Entry {
    path: PathBuf,
    name: String,
    is_dir: bool,
}

/// What is in a folder, in order of names.
fn entries(folder: &Path, root: &Path) -> Result<Vec<Entry>, TemplateError> {
    let failed = |error| TemplateError::io(folder, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            return Err(TemplateError::not_utf8(&path, "its name"));
        };
        if name.starts_with('.') {
            continue;
        }
        let target = fs::canonicalize(&path).map_err(|error| TemplateError::io(&path, error))?;
        if !target.starts_with(root) {
            return Err(TemplateError::misplaced(
                &path,
                "links to a place outside the folder of templates",
            ));
        }
        let is_dir = target.is_dir();
        entries.push(Entry { path, name, is_dir });
    }
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Reads one byte more than is allowed, so that a file that is far too long is not read whole.
fn read(path: &Path, templates: &Templates) -> Result<String, TemplateError> {
    let limit = templates.shared.limits.source_bytes;
    let take = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(take).read_to_end(&mut bytes))
        .map_err(|error| TemplateError::io(path, error))?;
    if bytes.len() > limit {
        let key = path.to_string_lossy();
        return Err(TemplateError::source_too_long(&key, templates.shared.limits).at(path));
    }
    String::from_utf8(bytes).map_err(|_| TemplateError::not_utf8(path, "it"))
}
