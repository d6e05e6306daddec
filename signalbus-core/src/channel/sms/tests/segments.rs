use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

use crate::channel::sms::{
    Encoding,
    Encoding::{Gsm7, Ucs2},
    Segments,
};

fn segments(text: &str) -> (Encoding, u32) {
    let Segments { encoding, count } = Segments::of(text);
    (encoding, count)
}

/// 3GPP TS 23.038 section 6.2.1, in its order, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Section 6.2.1.1.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

#[test]
fn the_alphabet_is_that_of_the_standard() {
    assert_eq!(BASIC.chars().count(), 127);
    for c in (0..0x11_0000).filter_map(char::from_u32) {
        let text = c.to_string();
        let expected = if BASIC.contains(c) || EXTENSION.contains(c) {
            Gsm7
        } else {
            Ucs2
        };
        assert_eq!(segments(&text), (expected, 1), "{c:?}");
    }
}

#[test]
fn each_character_takes_what_the_standard_says() {
    for c in BASIC.chars() {
        assert_eq!(segments(&c.to_string().repeat(160)), (Gsm7, 1), "{c:?}");
        assert_eq!(segments(&c.to_string().repeat(161)), (Gsm7, 2), "{c:?}");
    }
    for c in EXTENSION.chars() {
        assert_eq!(segments(&c.to_string().repeat(80)), (Gsm7, 1), "{c:?}");
        assert_eq!(segments(&c.to_string().repeat(81)), (Gsm7, 2), "{c:?}");
    }
}

#[test]
fn segments_are_as_long_as_the_standard_says() {
    for (unit, count, expected) in [
        ("a", 0, (Gsm7, 0)),
        ("a", 1, (Gsm7, 1)),
        ("a", 160, (Gsm7, 1)),
        ("a", 161, (Gsm7, 2)),
        ("a", 306, (Gsm7, 2)),
        ("a", 307, (Gsm7, 3)),
        ("a", 1530, (Gsm7, 10)),
        ("a", 1531, (Gsm7, 11)),
        ("é", 160, (Gsm7, 1)),
        ("ç", 70, (Ucs2, 1)),
        ("ç", 71, (Ucs2, 2)),
        ("ç", 134, (Ucs2, 2)),
        ("ç", 135, (Ucs2, 3)),
        ("ç", 670, (Ucs2, 10)),
        ("ç", 671, (Ucs2, 11)),
        // A pair is never split: 76 of them to a segment, where 153 septets are.
        ("{", 80, (Gsm7, 1)),
        ("{", 152, (Gsm7, 2)),
        ("{", 153, (Gsm7, 3)),
        ("{", 228, (Gsm7, 3)),
        ("{", 229, (Gsm7, 4)),
        // 33 of them to a segment, where 67 units are.
        ("🦀", 35, (Ucs2, 1)),
        ("🦀", 36, (Ucs2, 2)),
        ("🦀", 66, (Ucs2, 2)),
        ("🦀", 67, (Ucs2, 3)),
    ] {
        assert_eq!(segments(&unit.repeat(count)), expected, "{count} x {unit}");
    }
}

#[test]
fn a_pair_at_the_end_of_a_segment_moves_to_the_next() {
    let fits = format!("{}{{{}", "a".repeat(151), "a".repeat(153));
    assert_eq!(segments(&fits), (Gsm7, 2));
    let moved = format!("{}{{{}", "a".repeat(152), "a".repeat(152));
    assert_eq!(segments(&moved), (Gsm7, 3));
    let moved = format!("{}🦀{}", "ç".repeat(66), "ç".repeat(66));
    assert_eq!(segments(&moved), (Ucs2, 3));
}

#[test]
fn what_typists_and_editors_put_in_needs_ucs2() {
    for c in [
        'ç', 'á', 'í', 'ó', 'ú', '\t', '`', '’', '“', '–', '…', '\u{a0}', 'ş', '字', '🦀',
    ] {
        assert_eq!(segments(&c.to_string()), (Ucs2, 1), "{c:?}");
    }
}

proptest! {
    /// Counts by cutting the encoded text, as a phone would, instead of adding up.
    #[test]
    fn counting_is_cutting(text in "[a{€ç🦀]{0,400}") {
        let gsm = !text.contains(['ç', '🦀']);
        let (single, part) = if gsm { (160, 153) } else { (70, 67) };
        let mut pieces: Vec<Vec<usize>> = vec![vec![]];
        let width = |c: char| match c {
            '{' | '€' if gsm => 2,
            _ if gsm => 1,
            c => c.len_utf16(),
        };
        let total: usize = text.chars().map(width).sum();
        for units in text.chars().map(width) {
            let last = pieces.last_mut().unwrap();
            if last.iter().sum::<usize>() + units <= part {
                last.push(units);
            } else {
                pieces.push(vec![units]);
            }
        }
        let expected = match total {
            0 => 0,
            total if total <= single => 1,
            _ => pieces.len(),
        };
        let counted = Segments::of(&text);
        prop_assert_eq!(usize::try_from(counted.count).unwrap(), expected);
        prop_assert_eq!(counted.encoding == Gsm7, gsm);
        prop_assert!(expected >= total.div_ceil(single));
    }
}
