use super::*;

fn templates(parts: &[(&str, &str)]) -> Templates {
    parts
        .iter()
        .try_fold(Templates::new(), |templates, (locale, part)| {
            templates.part("t", locale, part, &format!("{locale} {{{{ locale }}}}"))
        })
        .unwrap()
}

#[test]
fn the_best_locale_that_exists_is_used() {
    let templates = templates(&[
        ("en", "body.txt"),
        ("pt", "body.txt"),
        ("de", "body.txt"),
        ("de-AT", "body.txt"),
        ("zh-Hant", "body.txt"),
    ]);
    for (wishes, used) in [
        (&["pt-BR"][..], "pt"),
        (&["PT_br"], "pt"),
        (&["pt"], "pt"),
        (&["de-AT"], "de-AT"),
        (&["de_at"], "de-AT"),
        (&["de-AT-1996"], "de-AT"),
        (&["de-CH"], "de"),
        (&["zh-Hant-TW"], "zh-Hant"),
        (&["zh"], "en"),
        (&["xx"], "en"),
        (&["xx", "pt-BR"], "pt"),
        (&["de", "pt"], "de"),
        (&[], "en"),
        (&["", "../de", "de; DROP", "\0", "日本語", "e"], "en"),
        (&["not a tag", "de"], "de"),
    ] {
        let rendered = Scene::wishing(wishes).render(&templates).unwrap();
        assert_eq!(rendered.locale, used, "{wishes:?}");
        assert_eq!(
            rendered.parts.text("body.txt"),
            format!("{used} {used}"),
            "{wishes:?}"
        );
    }
}

#[test]
fn the_default_locale_has_shorter_forms_too() {
    let templates = templates(&[("pt", "body.txt"), ("en", "body.txt")])
        .default_locale("pt_br")
        .unwrap();
    let rendered = Scene::wishing(&["xx"]).render(&templates).unwrap();
    assert_eq!(rendered.locale, "pt");
}

#[test]
fn languages_are_never_mixed() {
    let templates = templates(&[
        ("en", "subject.txt"),
        ("en", "body.txt"),
        ("en", "body.html"),
        ("de", "body.txt"),
        ("de", "body.html"),
        ("pt", "subject.txt"),
    ]);
    let parts = [SUBJECT, TEXT, HTML];

    let no_subject = Scene::wishing(&["de"]).parts(&parts);
    let rendered = no_subject.render(&templates).unwrap();
    assert_eq!(rendered.locale, "en");
    assert!(rendered.parts.iter().all(|(_, text)| text == "en en"));
    assert_eq!(rendered.parts.iter().count(), 3);

    let subject_only = Scene::wishing(&["pt"]).parts(&parts);
    let rendered = subject_only.render(&templates).unwrap();
    assert_eq!(rendered.locale, "pt");
    assert_eq!(rendered.parts.iter().count(), 1);
}

#[test]
fn without_required_parts_one_part_is_enough() {
    let templates = templates(&[("en", "body.txt"), ("de", "push.json")]);
    let rendered = Scene::wishing(&["de"])
        .parts(&[TEXT, HTML])
        .render(&templates)
        .unwrap();
    assert_eq!(rendered.locale, "en");
}

#[test]
fn no_locale_is_an_error_that_says_what_there_is() {
    let templates = templates(&[("de", "body.txt"), ("pt-BR", "body.html")]);
    let error = Scene::wishing(&["fr", "ev\nil"])
        .parts(&[SUBJECT, TEXT])
        .render(&templates)
        .unwrap_err();
    assert_eq!(error.kind(), TemplateErrorKind::NoLocale);
    assert_eq!(
        error.to_string(),
        "t: none of the locales `fr`, `ev\\nil`, `en` has `subject.txt`; \
         there are de (body.txt), pt-BR (body.html)"
    );
}

#[test]
fn what_every_recipient_needs_can_be_checked_at_start() {
    let templates = templates(&[("en", "subject.txt"), ("de", "body.txt")]);
    templates.check("t", &[SUBJECT]).unwrap();
    assert_eq!(
        templates.check("t", &[TEXT]).unwrap_err().kind(),
        TemplateErrorKind::NoLocale
    );
    assert_eq!(
        templates.check("other", &[TEXT]).unwrap_err().kind(),
        TemplateErrorKind::Missing
    );
    assert_eq!(templates.locales("t").collect::<Vec<_>>(), ["de", "en"]);
    assert_eq!(templates.locales("other").count(), 0);
}

#[test]
fn an_unknown_template_is_an_error() {
    let error = Scene::new(json!({})).render(&Templates::new()).unwrap_err();
    assert_eq!(error.kind(), TemplateErrorKind::Missing);
    assert_eq!(error.to_string(), "t: there is no such template");
}

#[test]
fn a_default_that_is_no_tag_is_refused() {
    let error = Templates::new()
        .default_locale("english please")
        .unwrap_err();
    assert_eq!(error.kind(), TemplateErrorKind::Name);
}

/// A mail: a subject, and a body as text, as HTML, or both.
fn mail() -> [Part; 3] {
    let choice = |part: Part| Part {
        one_of: true,
        ..part
    };
    [SUBJECT, choice(TEXT), choice(HTML)]
}

#[test]
fn a_locale_that_lacks_something_is_passed_over_whole_and_found_by_the_check() {
    for lacks in ["subject.txt", "body.html"] {
        let templates = templates(&[
            ("en", "subject.txt"),
            ("en", "body.txt"),
            ("de", lacks),
            // Of another channel, and nothing to complain about.
            ("pt", "sms.txt"),
        ]);
        let german = Scene::wishing(&["de"]).parts(&mail());
        let rendered = german.render(&templates).unwrap();
        assert_eq!(rendered.locale, "en", "{lacks}");
        assert!(rendered.parts.iter().all(|(_, text)| text == "en en"));
        let error = templates.check("t", &mail()).unwrap_err();
        assert_eq!(error.kind(), TemplateErrorKind::NoLocale);
        assert_eq!(
            error.to_string(),
            format!(
                "t/de: is passed over: it needs `subject.txt` and one of `body.txt`, `body.html` and has `{lacks}`"
            )
        );
    }
    let whole = templates(&[
        ("en", "subject.txt"),
        ("en", "body.txt"),
        ("de", "subject.txt"),
        ("de", "body.html"),
        ("pt", "sms.txt"),
    ]);
    whole.check("t", &mail()).unwrap();
}

#[test]
fn locales_stand_in_for_each_other_as_cldr_says() {
    for (there, wish, used) in [
        (&["en", "zh", "zh-Hant"][..], "zh-TW", "zh-Hant"),
        (&["en", "zh-Hant"], "zh-HK", "zh-Hant"),
        (&["en", "zh-Hant"], "zh-MO", "zh-Hant"),
        (&["en", "zh", "zh-Hant"], "zh-CN", "zh"),
        (&["en", "zh-Hans", "zh-Hant"], "zh-SG", "zh-Hans"),
        (&["en", "zh-TW"], "zh-Hant", "zh-TW"),
        // Better than another language.
        (&["en", "zh"], "zh-TW", "zh"),
        (&["en", "he"], "iw", "he"),
        (&["en", "iw"], "he-IL", "iw"),
        (&["en", "id"], "in", "id"),
        (&["en", "no"], "nb", "no"),
        (&["en", "nb"], "no", "nb"),
        (&["en", "nb"], "nn", "nb"),
        (&["en", "no"], "nn-NO", "no"),
        (&["en", "fil"], "tl", "fil"),
        (&["en", "sr", "sr-Latn"], "sh", "sr-Latn"),
        (&["en", "sr", "sr-Latn"], "sr-ME", "sr-Latn"),
        (&["en", "en-001"], "en-AU", "en-001"),
        (&["en", "en-001"], "en-US", "en"),
        (&["en", "es", "es-419"], "es-MX", "es-419"),
        (&["en", "pt", "pt-PT"], "pt-AO", "pt-PT"),
        (&["en", "pt-BR"], "pt", "pt-BR"),
        (&["en", "uz", "uz-Cyrl"], "uz-AF", "uz"),
        (&["en", "de", "de-x-acme"], "de-AT", "de"),
        (&["en", "de", "de-x-acme"], "de-x-acme", "de-x-acme"),
    ] {
        let parts: Vec<_> = there.iter().map(|locale| (*locale, "body.txt")).collect();
        let rendered = Scene::wishing(&[wish]).render(&templates(&parts)).unwrap();
        assert_eq!(rendered.locale, used, "{wish} of {there:?}");
    }
}
