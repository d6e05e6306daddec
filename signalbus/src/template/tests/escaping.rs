use super::*;

const NASTY: &str = r#""><script>alert('x')</script> & Zoë 🦀"#;

#[test]
fn html_is_escaped() {
    assert_eq!(
        render(HTML, r#"<a title="{{ data.x }}">"#, json!({ "x": NASTY })).unwrap(),
        "<a title=\"&quot;&gt;&lt;script&gt;alert(&#x27;x&#x27;)&lt;&#x2f;script&gt; &amp; Zoë 🦀\">"
    );
}

#[test]
fn text_is_not_escaped() {
    assert_eq!(text("{{ data.x }}", json!({ "x": NASTY })).unwrap(), NASTY);
}

#[test]
fn a_header_is_not_escaped() {
    let subject = render(SUBJECT, "Hi {{ data.x }}\n", json!({ "x": NASTY })).unwrap();
    assert_eq!(subject, format!("Hi {NASTY}"));
}

#[test]
fn json_values_are_written_as_json() {
    let data = json!({ "x": NASTY, "list": [1, null, true], "n": 2.5 });
    let source =
        r#"{"a": {{ data.x }}, "b": {{ data.list }}, "c": {{ data.n }}, "d": {{ data.list[1] }}}"#;
    let rendered = render(JSON, source, data).unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&rendered).unwrap(),
        json!({ "a": NASTY, "b": [1, null, true], "c": 2.5, "d": null })
    );
}

#[test]
fn the_kind_decides_and_not_the_name_of_the_file() {
    let data = || json!({ "x": "<b>" });
    for (name, kind, expected) in [
        ("body.html", PartKind::Text, "<b>"),
        ("body.txt", PartKind::Html, "&lt;b&gt;"),
        ("welcome_email", PartKind::Html, "&lt;b&gt;"),
        ("x.mjml", PartKind::Html, "&lt;b&gt;"),
        ("x.html", PartKind::Json, "\"<b>\""),
        ("x.json", PartKind::Header, "<b>"),
    ] {
        let rendered = render(part(name, kind, true), "{{ data.x }}", data()).unwrap();
        assert_eq!(rendered, expected, "{name} as {kind:?}");
    }
}

#[test]
fn an_included_file_is_escaped_as_what_includes_it() {
    let templates = Templates::new()
        .part("t", "en", "name", "{{ data.x }}")
        .and_then(|t| t.part("t", "en", "body.html", "{% include 'name' %}"))
        .and_then(|t| t.part("t", "en", "body.txt", "{% include 'name' %}"))
        .unwrap();
    let scene = Scene::new(json!({ "x": "<b>" })).parts(&[HTML, TEXT]);
    let parts = scene.render(&templates).unwrap().parts;
    assert_eq!(parts.text("body.html"), "&lt;b&gt;");
    assert_eq!(parts.text("body.txt"), "<b>");
}

#[test]
fn template_syntax_in_data_stays_data() {
    let data = json!({ "x": "{{ 7 * 7 }}{% include 'x' %}" });
    assert_eq!(
        text("{{ data.x }}", data).unwrap(),
        "{{ 7 * 7 }}{% include 'x' %}"
    );
}

#[test]
fn headers_cannot_be_injected() {
    for value in [
        "a\r\nBcc: eve@example.org",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\tb",
        "a\u{7f}b",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{2029}b",
    ] {
        let error = render(SUBJECT, "x {{ data.v }} y", json!({ "v": value })).unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::Header, "{value:?}");
        assert!(!error.to_string().contains("eve"));
    }
}

#[test]
fn white_space_around_a_header_is_the_files_own() {
    for source in ["Hi\n", "Hi\r\n\n", "\nHi ", "{# what for #}\nHi"] {
        assert_eq!(render(SUBJECT, source, json!({})).unwrap(), "Hi");
    }
}

#[test]
fn numbers_keep_their_value() {
    let data = json!({ "a": u64::MAX, "b": i64::MIN, "c": 0.1, "d": 1e300, "e": 7 });
    assert_eq!(
        text(
            "{{ data.a }} {{ data.b }} {{ data.c }} {{ data.e * 2 }}",
            data
        )
        .unwrap(),
        "18446744073709551615 -9223372036854775808 0.1 14"
    );
}
