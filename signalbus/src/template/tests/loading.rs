use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::template::TemplateLimits;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        write(folder.path(), path, content);
    }
    folder
}

fn write(folder: &Path, path: &str, content: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn a_folder_is_read_once() {
    let folder = folder(&[
        ("t/en/body.txt", b"Hello {{ recipient.name }}"),
        ("t/pt_br/body.txt", b"Ol\xc3\xa1 {{ recipient.name }}"),
        ("user.signup/en/anything at all", b"x"),
        ("README.md", b"{% not a template"),
        (".git/en/body.txt", b"{% not a template"),
        ("t/.DS_Store", b"\xff"),
        ("t/en/.body.txt.swp", b"\xff"),
    ]);
    let templates = Templates::dir(folder.path()).unwrap();
    drop(folder);
    assert_eq!(templates.names().collect::<Vec<_>>(), ["t", "user.signup"]);
    assert_eq!(templates.locales("t").collect::<Vec<_>>(), ["en", "pt-BR"]);
    let rendered = Scene::wishing(&["pt-BR"]).render(&templates).unwrap();
    assert_eq!(rendered.parts.text("body.txt"), "Olá Ada");
}

#[test]
fn embedded_templates_are_the_same() {
    let templates = Templates::embedded(&[
        ("t/en/body.txt", "Hello {{ recipient.name }}"),
        ("t/de/body.txt", "Hallo {{ recipient.name }}"),
    ])
    .unwrap();
    let rendered = Scene::wishing(&["de"]).render(&templates).unwrap();
    assert_eq!(rendered.parts.text("body.txt"), "Hallo Ada");
}

#[test]
fn a_later_part_replaces_an_earlier_one_and_clones_stay_as_they_are() {
    let shipped = Templates::embedded(&[("t/en/body.txt", "shipped")]).unwrap();
    let folder = folder(&[("t/EN/body.txt", b"changed")]);
    let changed = shipped.clone().with_dir(folder.path()).unwrap();
    let say = |templates: &Templates| {
        let rendered = Scene::wishing(&["en"]).render(templates).unwrap();
        rendered.parts.text("body.txt").to_owned()
    };
    assert_eq!(say(&shipped), "shipped");
    assert_eq!(say(&changed), "changed");
}

#[test]
fn paths_of_another_shape_are_refused() {
    for path in [
        "", "t", "t/en", "t/en/a/b", "/t/en/a", "t//a", "t/en/", "../en/a", "t/en/.a",
    ] {
        let error = Templates::embedded(&[(path, "x")]).unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::Name, "{path}");
    }
    for name in ["", ".", "..", "a b", "a/b", "é", &"x".repeat(129)] {
        let error = Templates::new().part(name, "en", "a", "x").unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::Name, "{name}");
    }
}

#[test]
fn a_syntax_error_names_file_and_line() {
    let folder = folder(&[("t/en/body.txt", b"fine\n\n{% if x %}\n{{ open\n")]);
    let error = Templates::dir(folder.path()).unwrap_err();
    assert_eq!(error.kind(), TemplateErrorKind::Syntax);
    let said = error.to_string();
    let file = folder.path().join("t/en/body.txt");
    assert!(
        said.starts_with(&format!("{}, line ", file.display())),
        "{said}"
    );
    assert!(error.line().unwrap() >= 4, "{said}");
    assert_eq!(error.part(), Some("body.txt"));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    type Case = (&'static str, &'static [u8], TemplateErrorKind, &'static str);
    let cases: [Case; 5] = [
        (
            "t/en/body.txt",
            b"a\xffb",
            TemplateErrorKind::Encoding,
            "UTF-8",
        ),
        (
            "t/body.txt",
            b"x",
            TemplateErrorKind::Name,
            "folder for a locale",
        ),
        (
            "t/not a locale/x",
            b"x",
            TemplateErrorKind::Name,
            "not a locale",
        ),
        (
            "t/en/deep/x",
            b"x",
            TemplateErrorKind::Name,
            "file is expected",
        ),
        (
            "a b/en/x",
            b"x",
            TemplateErrorKind::Name,
            "name of a template",
        ),
    ];
    for (path, content, kind, hint) in cases {
        let folder = folder(&[(path, content)]);
        let error = Templates::dir(folder.path()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let said = error.to_string();
        assert!(said.contains(hint), "{said}");
        assert!(said.contains(folder.path().to_str().unwrap()), "{said}");
    }
}

#[test]
fn a_missing_folder_is_named() {
    let error = Templates::dir("/no/such/folder").unwrap_err();
    assert_eq!(error.kind(), TemplateErrorKind::Io);
    assert_eq!(error.to_string(), "/no/such/folder: cannot be read");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_locale_spelled_in_two_ways_is_refused() {
    let folder = folder(&[("t/pt-BR/x", b"x"), ("t/pt_br/x", b"x")]);
    let error = Templates::dir(folder.path()).unwrap_err();
    assert!(error.to_string().contains("same locale"), "{error}");
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let folder = folder(&[("t/en/body.txt", b"0123456789a")]);
    let limits = TemplateLimits::default().with_source_bytes(10);
    let error = Templates::new()
        .limits(limits)
        .with_dir(folder.path())
        .unwrap_err();
    assert!(error.is_limit());
    assert!(error.to_string().contains("body.txt"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_lead_nowhere_outside() {
    use std::os::unix::fs::symlink;

    let outside = folder(&[("secret", b"secret"), ("en/body.txt", b"secret")]);
    let place = |link: &str, target: &Path| {
        let folder = folder(&[("t/en/body.txt", b"x"), ("t/en/footer", b"y")]);
        symlink(target, folder.path().join(link)).unwrap();
        (Templates::dir(folder.path()), folder)
    };
    for (link, target) in [
        ("t/en/link", outside.path().join("secret")),
        ("t/de", outside.path().join("en")),
        ("other", outside.path().to_owned()),
    ] {
        let (templates, _folder) = place(link, &target);
        let error = templates.unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::Name);
        assert!(error.to_string().contains("outside"), "{error}");
    }
    let (templates, _folder) = place("t/en/link", Path::new("footer"));
    assert!(templates.is_ok(), "a link inside the folder is followed");
    let (templates, _folder) = place("t/en/link", Path::new("nowhere"));
    assert_eq!(templates.unwrap_err().kind(), TemplateErrorKind::Io);
}

#[test]
fn a_byte_order_mark_is_dropped_whatever_way_a_source_comes_in() {
    const MARKED: &str = "\u{feff}Your code is {{ data.code }}";
    let folder = folder(&[("t/en/body.txt", MARKED.as_bytes())]);
    let sources = [(
        "en".to_owned(),
        [("body.txt".to_owned(), MARKED.to_owned())].into(),
    )];
    for templates in [
        Templates::dir(folder.path()).unwrap(),
        Templates::embedded(&[("t/en/body.txt", MARKED)]).unwrap(),
        Templates::new()
            .part("t", "en", "body.txt", MARKED)
            .unwrap(),
        Templates::new().of_sources("t", &sources.into()).unwrap(),
    ] {
        let rendered = Scene::new(json!({ "code": 7 })).render(&templates).unwrap();
        assert_eq!(rendered.parts.text("body.txt"), "Your code is 7");
    }
}
