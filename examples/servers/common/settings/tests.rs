use std::{fs, net::SocketAddr};

use super::{ALL, Problems, Reader, Sources, names};

fn sources(variables: &[(&str, &str)]) -> Sources {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sources::new(variables, None).unwrap()
}

fn with_file(variables: &[(&str, &str)], text: &str) -> Sources {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    fs::write(&path, text).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Sources::new(variables, Some(&path)).unwrap()
}

fn problems(read: impl FnOnce(&mut Reader<'_>), sources: &Sources) -> Vec<String> {
    let mut reader = Reader::new(sources);
    read(&mut reader);
    let Err(Problems(problems)) = reader.finish() else {
        return Vec::new();
    };
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_default() {
    let sources = with_file(
        &[("SIGNALBUS_GROUP", "from-environment")],
        "group = 'from-file'\nlog = 'debug'\ntopics = ['a', 'b']",
    );
    let mut reader = Reader::new(&sources);
    assert_eq!(
        reader.parsed::<String>(&names::GROUP).unwrap(),
        "from-environment"
    );
    assert_eq!(reader.parsed::<String>(&names::LOG).unwrap(), "debug");
    assert_eq!(reader.list(&names::TOPICS), ["a", "b"]);
    let listen: SocketAddr = reader.parsed(&names::LISTEN).unwrap();
    assert_eq!(listen.port(), 8080);
    let shown: Vec<String> = reader
        .finish()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(shown[0].contains("from-environment") && shown[0].ends_with("environment"));
    assert!(shown[1].ends_with(" file"));
    assert!(shown[3].ends_with(" default"));
}

#[test]
fn every_problem_is_told_at_once() {
    let sources = with_file(
        &[
            ("SIGNALBUS_LISTEN", "everywhere"),
            ("SIGNALBUS_LISTN", "127.0.0.1:1"),
            ("SIGNALBUS_API_KEY", "changeme"),
            ("SIGNALBUS_TEST_KAFKA", "not ours"),
            ("PATH", "not ours"),
        ],
        "grupp = 'x'\nlog = 7",
    );
    let problems = problems(
        |reader| {
            reader.parsed::<SocketAddr>(&names::LISTEN);
            reader.secret(&names::API_KEY);
            reader.parsed::<String>(&names::LOG);
            reader.url(&names::KAFKA_URL, |_| Ok::<_, String>(()));
            reader.url(&names::TWILIO_URL, |_| Ok::<_, String>(()));
        },
        &sources,
    );
    let expected = [
        "SIGNALBUS_LISTN is not the name",
        "`grupp` in the file is not the name",
        "SIGNALBUS_LISTEN: ",
        "SIGNALBUS_API_KEY: is one that everybody knows",
        "`log` in the file is no text",
        "SIGNALBUS_KAFKA_URL: is missing",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected), "{problem}");
    }
}

#[test]
fn secrets_are_refused_when_they_are_none() {
    for (key, hint) in [
        ("", "empty"),
        ("   ", "empty"),
        ("Password", "everybody"),
        ("short-and-new", "fewer than 16"),
    ] {
        let sources = sources(&[("SIGNALBUS_API_KEY", key)]);
        let problems = problems(|reader| _ = reader.secret(&names::API_KEY), &sources);
        assert!(problems[0].contains(hint), "{problems:?}");
    }
    for url in [
        "",
        "kafka://app:@a",
        "kafka://app:secret@a",
        "kafka://app:PASSWORD@a,b",
    ] {
        let sources = sources(&[("SIGNALBUS_KAFKA_URL", url)]);
        let parse = |_: &str| Ok::<_, String>(());
        let problems = problems(|reader| _ = reader.url(&names::KAFKA_URL, parse), &sources);
        assert_eq!(problems.len(), 1, "{url}");
        assert!(!problems[0].contains("PASSWORD"));
    }
}

#[test]
fn a_secret_may_be_in_a_file_of_its_own_and_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, "f00d-f00d-f00d-f00d\n").unwrap();
    let path = path.to_str().unwrap();
    let key = "f00d-f00d-f00d-f00d";
    for sources in [
        sources(&[("SIGNALBUS_API_KEY_FILE", path)]),
        with_file(&[], &format!("api_key_file = '{path}'")),
        sources(&[("SIGNALBUS_API_KEY", key)]),
    ] {
        let mut reader = Reader::new(&sources);
        assert_eq!(reader.secret(&names::API_KEY).unwrap(), key);
        let shown = reader.finish().unwrap();
        assert!(!format!("{shown:?} {} {sources:?}", shown[0]).contains("f00d"));
    }
    // Only secrets are read from files of their own.
    let unknown = sources(&[("SIGNALBUS_GROUP_FILE", path)]);
    assert_eq!(problems(|_| {}, &unknown).len(), 1);
    let twice = sources(&[("SIGNALBUS_API_KEY_FILE", path), ("SIGNALBUS_API_KEY", key)]);
    let problems = problems(|reader| _ = reader.secret(&names::API_KEY), &twice);
    assert!(problems[0].contains("both set"), "{problems:?}");
}

#[test]
fn a_file_that_is_no_toml_shows_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    fs::write(&path, "group = 'x'\napi_key = f00d-secret\n").unwrap();
    let problem = Sources::new([], Some(&path)).unwrap_err().to_string();
    assert!(problem.contains("line 2"), "{problem}");
    assert!(!problem.contains("f00d"), "{problem}");
    let missing = Sources::new([], Some(&folder.path().join("other"))).unwrap_err();
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
}

#[test]
fn names_are_told_apart() {
    let mut names: Vec<&str> = ALL.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}
