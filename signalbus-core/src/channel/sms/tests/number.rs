use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

use crate::channel::{Address, sms::PhoneNumber};

fn normal(text: &str) -> String {
    match PhoneNumber::parse(text) {
        Ok(number) => number.as_str().to_owned(),
        Err(error) => panic!("{text:?}: {error}"),
    }
}

fn refused(text: &str) -> String {
    match PhoneNumber::parse(text) {
        Ok(number) => panic!("{text:?} was taken as {}", number.as_str()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn numbers_are_read_as_people_write_them() {
    for (text, number) in [
        ("+447700900123", "+447700900123"),
        ("+44 7700 900 123", "+447700900123"),
        (" +44-7700-900-123 ", "+447700900123"),
        ("(+44) 7700.900.123", "+447700900123"),
        ("+44 (0)20 7946 0123", "+442079460123"),
        ("+44 020 7946 0123", "+442079460123"),
        ("+49 (0) 171/3920012", "+491713920012"),
        ("+1 (202) 555-0199", "+12025550199"),
        ("+1\u{a0}202\u{2011}555\u{2013}0199", "+12025550199"),
        ("\u{202a}+1 202 555 0199\u{202c}", "+12025550199"),
        ("+44\u{200b}7700900123", "+447700900123"),
        ("\u{ff0b}\u{ff14}\u{ff14}7700900123", "+447700900123"),
        (
            "+\u{664}\u{664}\u{667}\u{667}\u{660}\u{660}\u{669}\u{660}\u{660}\u{661}\u{662}\u{663}",
            "+447700900123",
        ),
        ("+7 8 916 123 45 67", "+79161234567"),
        ("+33 06 31 96 65 43", "+33631966543"),
    ] {
        assert_eq!(normal(text), number, "{text:?}");
    }
}

#[test]
fn what_is_dialled_at_home_may_be_left_out_when_it_is_in_brackets() {
    for (text, number) in [
        ("+44 (0)7700 900123", "+447700900123"),
        ("+44(0)7700 900123", "+447700900123"),
        ("+44 [0] 7700 900123", "+447700900123"),
        ("+44 \u{ff08}0\u{ff09}7700 900123", "+447700900123"),
        ("+1 (1) 202-555-0123", "+12025550123"),
        ("+375 (8) 29 491-19-11", "+375294911911"),
        ("+375 29 491-19-11", "+375294911911"),
        ("+7 (8) 916 123 45 67", "+79161234567"),
        ("+36 (06) 20 123 4567", "+36201234567"),
        ("+49 (0) 30 123456", "+4930123456"),
        // An area code, and a zero that belongs to the number.
        ("+1 (202) 555-0123", "+12025550123"),
        ("+7 (800) 555-35-35", "+78005553535"),
        ("+39 (02) 3661 8300", "+390236618300"),
        ("+39 (0)2 3661 8300", "+390236618300"),
        ("+44 20 (0) 7946 0123", "+442007946012"),
    ] {
        match PhoneNumber::parse(text) {
            Ok(found) => assert_eq!(found.as_str(), number, "{text:?}"),
            // In the middle it is nothing to leave out.
            Err(_) => assert_eq!(text, "+44 20 (0) 7946 0123"),
        }
    }
}

#[test]
fn a_possible_number_need_not_be_valid() {
    // Ofcom's range for drama, which Vonage's examples use.
    assert_eq!(normal("+447700900000"), "+447700900000");
    // Begins as no Japanese mobile number does.
    assert_eq!(normal("+81 90 0123 4567"), "+819001234567");
}

#[test]
fn digits_that_are_possible_are_not_changed() {
    // The rules for dialling at home would take off an 8, a 1 and an 80.
    for number in ["+78386315765", "+6921063443", "+375804241", "+861203745"] {
        assert_eq!(normal(number), number);
    }
}

#[test]
fn a_zero_that_belongs_to_the_number_stays() {
    assert_eq!(normal("+39 02 3661 8300"), "+390236618300");
    assert_eq!(normal("+225 07 12 34 56 78"), "+2250712345678");
}

#[test]
fn mobile_numbers_of_argentina_and_mexico_follow_todays_rules() {
    assert_eq!(normal("+54 11 15 1234 5678"), "+5491112345678");
    assert_eq!(normal("+54 9 11 1234 5678"), "+5491112345678");
    assert_eq!(normal("+52 55 1234 5678"), "+525512345678");
    assert!(refused("+52 1 55 1234 5678").contains("digits for its country"));
}

#[test]
fn letters_stand_for_digits_where_people_use_them_so() {
    assert_eq!(normal("+1-800-FLOWERS"), "+18003569377");
    assert_eq!(normal("+1 800 flowers"), "+18003569377");
    // One letter more would otherwise be another number: German ones have any length.
    assert!(refused("+49 171 3920012 a").contains("letters"));
    assert!(refused("+44 7700 900123 call me").contains("letters"));
}

#[test]
fn extensions_are_refused() {
    for text in [
        "+44 7700 900123 x12",
        "+44 7700 900123x 12",
        "+1 202 555 0199 ext. 4",
        "+1 202 555 0199 Extension 4",
        "+442079460123;ext=5",
        "+442079460123,,5",
        "+442079460123#5",
    ] {
        assert!(refused(text).contains("extension"), "{text:?}");
    }
}

#[test]
fn the_international_form_is_asked_for() {
    for text in [
        "",
        " ",
        "07700 900123",
        "0044 7700 900123",
        "1-800-FLOWERS",
        "tel:+447700900123",
        "44+7700900123",
        "ada@example.org",
    ] {
        assert!(refused(text).contains("international form"), "{text:?}");
    }
}

#[test]
fn what_is_no_number_is_refused_without_repeating_it() {
    for (text, hint) in [
        ("+", "country code"),
        ("+49 12", "digits for its country"),
        ("+1 253 0000", "digits for its country"),
        ("+44 7700 900123 4", "digits for its country"),
        ("+0123456789", "country code"),
        ("+999 123456789", "country code"),
        ("+81 92712746449490053", "digits for its country"),
        ("++447700900123", "no digit, space"),
        ("+447700900123+", "no digit, space"),
        ("+44770090\r\n0123", "no digit, space"),
        ("+44770090\u{0}0123", "no digit, space"),
        ("+44770090\t0123", "no digit, space"),
        ("+44 7700 9001\u{1f980}23", "no digit, space"),
        ("+44 7700 900123 <b>", "no digit, space"),
    ] {
        let error = refused(text);
        assert!(error.contains(hint), "{text:?}: {error}");
        assert!(!error.chars().any(|c| c.is_ascii_digit()), "{error}");
    }
    assert!(refused(&format!("+44{}", " ".repeat(200))).contains("too long"));
}

#[test]
fn debug_shows_no_digit() {
    let number = PhoneNumber::parse("+447700900123").unwrap();
    assert_eq!(format!("{number:?}"), "PhoneNumber(…)");
}

#[test]
fn json_is_the_normal_form_and_is_checked() {
    let number: PhoneNumber = serde_json::from_str(r#""+44 7700 900123""#).unwrap();
    assert_eq!(
        serde_json::to_string(&number).unwrap(),
        r#""+447700900123""#
    );
    let error = serde_json::from_str::<PhoneNumber>(r#""07700900123""#).unwrap_err();
    assert!(!error.to_string().contains("07700"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_normal_form_is_its_own_normal_form(digits in "[0-9]{3,16}") {
        if let Ok(number) = PhoneNumber::parse(&format!("+{digits}")) {
            prop_assert_eq!(&PhoneNumber::parse(number.as_str()).unwrap(), &number);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\+?[0-9xX;=,# ()\u{660}-\u{669}ext.-]{0,24}", any in any::<String>()) {
        let _ = PhoneNumber::parse(&text);
        let _ = PhoneNumber::parse(&any);
        let _ = PhoneNumber::parse(&format!("+{any}"));
    }
}
