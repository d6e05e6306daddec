//! The corpus, and mutations of it that are the same in every run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// How often the inputs of a target are changed and tried.
const MUTATIONS: u32 = 3_000;
/// The longest input made.
const LONGEST: usize = 4096;
/// Pieces that inputs are made of, and that chance rarely finds.
const PIECES: [&str; 30] = [
    "@",
    "+",
    "\"",
    "\\",
    "<",
    ">",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "{{ ",
    " }}",
    "{% ",
    " %}",
    "\r\n",
    "\0",
    "\u{202e}",
    "\u{2028}",
    "\u{feff}",
    "ß",
    "İ",
    "\u{301}",
    "𝕒",
    "null",
    "1e308",
    "-9223372036854775809",
    "s3cr3t",
    "\n=====\n",
];

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                replay(stringify!($name), crate::$name::target);
            }
        )*
    };
}

targets! {
    bounce,
    bus_message,
    content,
    email_address,
    event,
    history,
    kept_message,
    mail,
    names,
    phone_number,
    sms_text,
    smtp_reply,
    sqlite_row,
    template,
}

#[test]
fn every_program_has_a_target_a_corpus_and_a_replay() {
    let programs = files(&folder("fuzz_targets"));
    let programs: Vec<&str> = programs
        .iter()
        .filter_map(|path| path.file_stem()?.to_str())
        .collect();
    assert_eq!(programs, NAMES);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in NAMES {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(!files(&folder("corpus").join(name)).is_empty(), "{name}");
    }
}

#[test]
fn the_corpus_stays_small() {
    let sizes = NAMES
        .iter()
        .flat_map(|name| files(&folder("corpus").join(name)));
    let bytes: u64 = sizes.map(|path| path.metadata().unwrap().len()).sum();
    assert!(bytes < 500_000, "{bytes} bytes");
}

/// Runs a target on its corpus, on what cargo-fuzz found on this machine, and on mutations.
fn replay(name: &str, target: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = ["corpus", "artifacts"]
        .into_iter()
        .flat_map(|kind| files(&folder(kind).join(name)))
        .map(|path| {
            let input = fs::read(&path).unwrap();
            run(target, &input, &path.display().to_string());
            input
        })
        .collect();
    let seed = name
        .bytes()
        .fold(0_u64, |seed, byte| seed.rotate_left(5) ^ u64::from(byte));
    let mut rng = StdRng::seed_from_u64(seed);
    for number in 0..MUTATIONS {
        let input = mutation(&seeds, &mut rng);
        run(target, &input, &format!("mutation {number}"));
    }
}

/// Says which input broke a promise.
fn run(target: fn(&[u8]), input: &[u8], what: &str) {
    let result = std::panic::catch_unwind(|| target(input));
    if result.is_err() {
        panic!("{what} breaks a promise: b\"{}\"", input.escape_ascii());
    }
}

fn mutation(seeds: &[Vec<u8>], rng: &mut StdRng) -> Vec<u8> {
    let mut input = seeds[rng.random_range(0..seeds.len())].clone();
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..=input.len());
        let end = rng.random_range(at..=input.len().min(at + 64));
        match rng.random_range(0..7) {
            0 if at < input.len() => input[at] ^= 1 << rng.random_range(0..8),
            1 if at < input.len() => input[at] = rng.random(),
            2 => drop(input.drain(at..end)),
            3 => {
                let copy = input[at..end].to_vec();
                input.splice(at..at, copy);
            }
            4 => {
                let other = &seeds[rng.random_range(0..seeds.len())];
                let from = rng.random_range(0..=other.len());
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let piece = PIECES[rng.random_range(0..PIECES.len())];
                input.splice(at..at, piece.bytes());
            }
        }
    }
    input.truncate(LONGEST);
    input
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// In the order of their names, so that every machine makes the same mutations.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => panic!("{}: {error}", folder.display()),
    };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
