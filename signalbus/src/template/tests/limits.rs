use super::*;
use crate::template::TemplateLimits;

fn limited(source: &str, data: Value, limits: TemplateLimits) -> Result<String, TemplateError> {
    let templates = Templates::new()
        .limits(limits)
        .part("t", "en", "body.txt", source)?;
    Scene::new(data)
        .render(&templates)
        .map(|rendered| rendered.parts.text("body.txt").to_owned())
}

#[test]
fn work_without_end_is_stopped() {
    for source in [
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% set x = 'x' * 100000000 %}",
        "{% set ns = namespace(x='xx') %}{% for a in range(100000) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% for a in range(100000) %}{% set b %}{{ 'x' * 1000 }}{% endset %}{% endfor %}",
    ] {
        let error = text(source, json!({})).unwrap_err();
        assert!(error.is_limit(), "{source}: {error}");
    }
}

#[test]
fn output_without_end_is_stopped_while_it_is_written() {
    let fuel = TemplateLimits::default().with_fuel(u64::MAX / 128);
    let gib = "{% for a in range(1024) %}{% for b in range(1024) %}{{ data.kib }}{% endfor %}{% endfor %}";
    let error = limited(gib, json!({ "kib": "x".repeat(1024) }), fuel).unwrap_err();
    assert!(error.is_limit(), "{error}");
}

#[test]
fn output_may_be_as_long_as_the_limit() {
    let limits = TemplateLimits::default().with_output_bytes(10);
    assert_eq!(
        limited("{{ 'é' * 5 }}", json!({}), limits).unwrap().len(),
        10
    );
    let error = limited("{{ 'é' * 5 }}!", json!({}), limits).unwrap_err();
    assert!(error.is_limit());
    assert!(
        error.to_string().contains("longer than 10 bytes"),
        "{error}"
    );
}

#[test]
fn a_source_may_be_as_long_as_the_limit() {
    let limits = TemplateLimits::default().with_source_bytes(10);
    assert!(limited(&"x".repeat(10), json!({}), limits).is_ok());
    let error = limited(&"x".repeat(11), json!({}), limits).unwrap_err();
    assert!(error.is_limit());
}

#[test]
fn a_template_that_uses_itself_is_stopped() {
    for source in [
        "{% include 'body.txt' %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
        "{% for x in [[]] recursive %}{{ loop([x]) }}{% endfor %}",
        "{% import 'body.txt' as me %}",
        "{% macro m() %}{% include 'body.txt' %}{% endmacro %}{{ m() }}",
        "{% extends 'body.txt' %}",
    ] {
        let error = text(source, json!({})).unwrap_err();
        assert!(error.is_limit(), "{source}: {error}");
    }
}

#[test]
fn source_that_is_nested_too_deep_is_refused() {
    for source in [
        format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        "{% if 1 %}".repeat(5000) + &"{% endif %}".repeat(5000),
    ] {
        let error = text(&source, json!({})).unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::Syntax);
    }
}

/// Arrays in arrays, `depth` of them, torn down without recursion.
fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| Value::Array(vec![inner]))
}

fn tear_down(mut value: Value) {
    while let Value::Array(mut items) = value {
        value = items.pop().unwrap_or_default();
    }
}

#[test]
fn data_may_be_nested_as_deep_as_the_limit() {
    let open = text("{{ data }}", nested(128)).unwrap();
    assert_eq!(open, format!("{}1{}", "[".repeat(128), "]".repeat(128)));
    assert!(text("{{ data }}", nested(129)).unwrap_err().is_limit());
    let error = limited(
        "x",
        json!({ "a": { "b": 1 } }),
        TemplateLimits::default().with_data_depth(1),
    )
    .unwrap_err();
    assert!(error.is_limit());
    assert!(error.to_string().contains("`data`"), "{error}");
}

#[test]
fn data_nested_without_end_does_not_overflow_the_stack() {
    let mut scene = Scene::new(nested(200_000));
    let templates = Templates::new().part("t", "en", "body.txt", "x").unwrap();
    assert!(scene.render(&templates).unwrap_err().is_limit());
    tear_down(std::mem::take(&mut scene.data));

    scene.recipient.data = nested(200_000);
    let error = scene.render(&templates).unwrap_err();
    assert!(error.is_limit());
    assert!(error.to_string().contains("`recipient.data`"), "{error}");
    tear_down(std::mem::take(&mut scene.recipient.data));
}

#[test]
fn long_data_can_be_used() {
    let long = "x".repeat(10 * 1024 * 1024);
    let data = || json!({ "long": long });
    assert_eq!(
        text("{{ data.long | length }}", data()).unwrap(),
        "10485760"
    );
    assert!(text("{{ data.long }}", data()).unwrap_err().is_limit());
}
