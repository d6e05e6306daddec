use super::*;

#[test]
fn a_template_sees_the_event_and_the_recipient() {
    let source = "{{ recipient.id }} {{ recipient.name }} {{ recipient.locale }} \
        {{ recipient.data.plan }} {{ event.id }} {{ event.topic }} {{ tenant }} {{ locale }} {{ data.x }}";
    assert_eq!(
        text(source, json!({ "x": 1 })).unwrap(),
        "42 Ada en pro 00000000-0000-0000-0000-000000000000 user.signup acme en 1"
    );
}

#[test]
fn addresses_are_not_seen() {
    let mut scene = Scene::new(json!({}));
    scene
        .recipient
        .addresses
        .insert("email".to_owned(), "ada@example.org".to_owned());
    let all = "{{ recipient }}{{ debug() }}";
    let templates = Templates::new().part("t", "en", "body.txt", all).unwrap();
    let rendered = scene.render(&templates).unwrap();
    assert!(!rendered.parts.text("body.txt").contains("example.org"));
}

#[test]
fn what_is_undefined_is_an_error_that_names_it() {
    for (source, named) in [
        ("{{ data.total }}", "`data.total`"),
        ("{{- data.total -}}", "`data.total`"),
        ("{{ daat.total }}", "`daat.total`"),
        ("{{ data.a.b.c }}", "`data.a.b.c`"),
        (
            "{{ data.total | replace('.', ',') }}",
            "`data.total | replace('.', ',')`",
        ),
        ("{% if data.total %}x{% endif %}", "`if data.total`"),
        (
            "{% for x in data.total %}x{% endfor %}",
            "`for x in data.total`",
        ),
        ("{{ data.total ~ 'x' }}", "`data.total ~ 'x'`"),
    ] {
        let error = text(&format!("\n\n{source}"), json!({})).unwrap_err();
        assert!(error.is_undefined(), "{source}: {error}");
        let said = error.to_string();
        assert!(said.contains(named), "{source}: {said}");
        assert!(said.starts_with("t/en/body.txt, line 3: "), "{said}");
        assert_eq!(error.template(), Some("t"));
        assert_eq!(error.locale(), Some("en"));
        assert_eq!(error.part(), Some("body.txt"));
        assert_eq!(error.line(), Some(3));
    }
}

#[test]
fn what_may_be_undefined_can_be_asked_for() {
    for source in [
        "{% if data.x is defined %}{{ data.x }}{% endif %}",
        "{{ data.x | default('') }}",
        "{{ 'x' if data.x is defined }}",
    ] {
        assert_eq!(text(source, json!({})).unwrap(), "");
    }
}

#[test]
fn none_is_not_written_as_a_word() {
    let mut scene = Scene::new(json!({ "x": null }));
    scene.recipient.name = None;
    let render = |source: &str| {
        let templates = Templates::new().part("t", "en", "body.txt", source)?;
        scene
            .render(&templates)
            .map(|rendered| rendered.parts.text("body.txt").to_owned())
    };
    for source in ["Hello {{ recipient.name }}", "{{ data.x }}"] {
        let error = render(source).unwrap_err();
        assert!(error.is_undefined());
        assert!(error.to_string().contains("is none"), "{error}");
    }
    assert_eq!(render("{{ recipient.name or 'you' }}").unwrap(), "you");
    assert_eq!(render("{% if recipient.name %}x{% endif %}").unwrap(), "");
}

#[test]
fn errors_never_show_data() {
    let canary = "c4n4ry";
    for source in [
        "{{ data.x + 1 }}",
        "{{ data.x | nofilter }}",
        "{{ data.x.method() }}",
        "{{ data.x | int }}",
        "{{ data[data.x] }}",
        "{% include data.x %}",
        "{% for a, b in [data.x] %}{% endfor %}",
        "{{ data.x | round }}",
        "{{ range(data.x) }}",
        "{{ data.x is data }}",
        "{{ {}[data.x] }}",
    ] {
        let Err(error) = text(source, json!({ "x": canary })) else {
            continue;
        };
        let said = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!said.contains(canary), "{source}: {said}");
    }
}

#[test]
fn an_error_in_an_included_file_names_that_file() {
    let templates = Templates::new()
        .part("t", "en", "footer", "\n{{ data.nothing }}")
        .and_then(|t| t.part("t", "en", "body.txt", "{% include 'footer' %}"))
        .unwrap();
    let error = Scene::new(json!({})).render(&templates).unwrap_err();
    assert!(error.is_undefined());
    assert_eq!((error.part(), error.line()), (Some("footer"), Some(2)));
}

#[test]
fn includes_stay_in_their_folder() {
    let templates = Templates::new()
        .part("other", "en", "secret", "secret")
        .and_then(|t| t.part("t", "de", "secret", "geheim"))
        .unwrap();
    for name in [
        "secret",
        "../de/secret",
        "../../other/en/secret",
        "other/en/secret",
        "/etc/passwd",
        "",
    ] {
        let templates = templates
            .clone()
            .part("t", "en", "body.txt", &format!("{{% include '{name}' %}}"))
            .unwrap();
        let error = Scene::new(json!({})).render(&templates).unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::Missing, "{name}: {error}");
    }
}

#[test]
fn a_layout_of_the_same_folder_can_be_extended() {
    let templates = Templates::new()
        .part("t", "en", "layout", "<p>{% block main %}{% endblock %}</p>")
        .and_then(|t| {
            let source = "{% extends 'layout' %}{% block main %}{{ data.x }}{% endblock %}";
            t.part("t", "en", "body.html", source)
        })
        .unwrap();
    let scene = Scene::new(json!({ "x": "&" })).parts(&[HTML]);
    let parts = scene.render(&templates).unwrap().parts;
    assert_eq!(parts.text("body.html"), "<p>&amp;</p>");
}
