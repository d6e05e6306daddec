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
        .insert("email".to_owned(), "ada@example.org".into());
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
    for source in [
        "Hello {{ recipient.name }}",
        "{{ data.x }}",
        "Hello {{ recipient.name|title }}",
        "{{ data.x|upper }}",
        "{{ data.x|lower }}",
        "{{ data.x|capitalize }}",
        "{{ data.x|trim }}",
        "{{ data.x|string }}",
        "{{ data.x|safe }}",
        "{{ data.x|e }}",
        "{{ data.x|escape }}",
        "{{ data.x|indent }}",
        "{{ data.x|pprint }}",
        "{{ data.x|urlencode }}",
        "{{ {'a': data.x}|urlencode }}",
        "{{ data.x|replace('a', 'b') }}",
        "{{ 'a'|replace('a', data.x) }}",
        "{{ 'a'|replace('a', data.x, 1) }}",
        "{{ 'None'|replace(data.x, 'a') }}",
        "{{ [1, data.x]|join(', ') }}",
        "{{ [1, 2]|join(data.x) }}",
        "{{ [1, [data.x]] }}",
        "{{ {'a': data.x} }}",
        "{{ [data.x]|map('upper')|list }}",
        "{{ [data.x]|string }}",
        "{{ [{'a': none}]|map(attribute='a')|list }}",
        "{{ '%s'|format(data.x) }}",
        "{{ '%s'|format([data.x]) }}",
        "{{ data.x ~ '!' }}",
        "{{ 'a' ~ data.x }}",
        "{{ 'a' ~ 'b' ~ data.x|default('x') ~ 'c' }}",
        "{{ [data.x] ~ '' }}",
        "{{ none ~ '' }}",
        "{% if 'a' ~ data.x == 'aNone' %}{% endif %}",
        "{% set y = 'a' ~ (data.x if true else 'b') %}{{ y }}",
        "{% macro m(y) %}{{ y }}{% endmacro %}{{ m(data.x) }}",
        "{% for y in [data.x] %}{{ y }}{% endfor %}",
        "{{ data.x if true }}",
    ] {
        let error = match render(source) {
            Ok(text) => panic!("{source} gives {text:?}"),
            Err(error) => error,
        };
        assert!(error.is_undefined(), "{source}: {error}");
        assert!(error.to_string().contains("is none"), "{source}: {error}");
        assert!(!error.to_string().contains("__"), "{source}: {error}");
    }
    for (source, said) in [
        ("{{ data.x|default('a', true) }}", "a"),
        ("{{ 'a' ~ data.x|default('b', true) }}", "ab"),
        ("{{ 'a' ~ data.x is none }}", "aTrue"),
        ("{{ data.x|tojson }}", "null"),
        ("{{ [data.x, 1]|length }}", "2"),
        ("{{ [data.x, 'a']|select|join }}", "a"),
        ("{{ data.x is none }}", "True"),
        ("{{ 'aaa'|replace('a', 'b', 2) }}", "bba"),
        ("{{ 'aaa'|replace('a', 'b', count=1) }}", "baa"),
        ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
        ("{{ 'a b'|urlencode }}", "a%20b"),
    ] {
        assert_eq!(render(source).unwrap(), said, "{source}");
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

#[test]
fn what_is_named_and_not_there_is_found_when_it_is_loaded() {
    for (source, name) in [
        ("{{ data.x|uper }}", "filter `uper`"),
        ("a\n{% if data.x is evn %}{% endif %}", "test `evn`"),
        ("{% filter uper %}x{% endfilter %}", "filter `uper`"),
        ("{{ data.x|map('uper')|join }}", "filter `uper`"),
        ("{{ data.x|select('evn')|join }}", "test `evn`"),
        ("{{ data.x|default(data.y|uper) }}", "filter `uper`"),
        (
            "{% if false %}{{ data.x|uper }}{% endif %}",
            "filter `uper`",
        ),
    ] {
        let error = Templates::new()
            .part("t", "en", "body.txt", source)
            .unwrap_err();
        assert!(
            error.to_string().contains(&format!("there is no {name}")),
            "{error}"
        );
        assert_eq!(
            error.line(),
            Some(1 + source.matches('\n').count()),
            "{source}"
        );
    }
    Templates::new()
        .part(
            "t",
            "en",
            "body.txt",
            "{% raw %}{{ x|uper }}{% endraw %}{# |uper #}{{ 'x|uper' }}",
        )
        .unwrap();
}
