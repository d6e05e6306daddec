//! What is shipped, as text: nothing lies about unused, nothing moves under our feet, and every setting
//! that is given to a program is one that it knows.

#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn read(name: &str) -> String {
    let path = root().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files below a folder, by their path from the root of the repository.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let path = path.strip_prefix(root()).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Files that a tool finds by where they are: why nobody has to name them.
const FOUND_BY_PLACE: [(&str, &str); 12] = [
    ("deploy/Cargo.toml", "cargo"),
    ("deploy/clippy.toml", "clippy"),
    ("deploy/README.md", "who opens the folder"),
    (
        "deploy/Dockerfile.dockerignore",
        "BuildKit, beside deploy/Dockerfile",
    ),
    ("deploy/src/", "cargo, by deploy/Cargo.toml"),
    ("deploy/tests/", "cargo, by deploy/Cargo.toml"),
    ("deploy/helm/signalbus/", "helm"),
    (
        "deploy/grafana/dashboards/",
        "Grafana, by the folder in compose.yaml",
    ),
    (
        "deploy/grafana/provisioning/",
        "Grafana, by the folder in compose.yaml",
    ),
    (
        "deploy/prometheus/",
        "Prometheus and promtool, by what the name ends with",
    ),
    (
        "deploy/railway/notification-server.json",
        "who runs the server that needs no Kafka",
    ),
    ("deploy/railway/variables.json", "who makes the services"),
];

/// Where something may be named.
fn pages() -> String {
    let mut all = String::new();
    for folder in ["docs", "deploy", ".github", "xtask/src"] {
        for file in files(folder) {
            if let Ok(text) = fs::read_to_string(root().join(&file)) {
                all.push_str(&text);
            }
        }
    }
    all
}

#[test]
fn nothing_below_deploy_is_unreferenced() {
    let all = pages();
    let mut lost = Vec::new();
    let mut used = BTreeSet::new();
    for file in files("deploy") {
        let by_place = FOUND_BY_PLACE
            .iter()
            .find(|(place, _)| file == *place || (place.ends_with('/') && file.starts_with(place)));
        if let Some((place, _)) = by_place {
            used.insert(*place);
            continue;
        }
        let short = file.strip_prefix("deploy/").unwrap();
        let named = [file.as_str(), short].iter().any(|name| all.contains(name));
        // Services of Railway are named by their own name, in the script that deploys them.
        let stem = Path::new(short).file_stem().unwrap().to_str().unwrap();
        let service = short.starts_with("railway/")
            && read("deploy/railway/deploy.sh").contains(stem)
            && read("docs/ship.md").contains(stem);
        if !named && !service {
            lost.push(file);
        }
    }
    assert!(lost.is_empty(), "nobody names {lost:?}");
    let excuses: BTreeSet<&str> = FOUND_BY_PLACE.iter().map(|(place, _)| *place).collect();
    assert_eq!(used, excuses, "an excuse that nobody needs");
}

#[test]
fn values_files_of_the_chart_are_run_by_their_folder_and_what_is_mounted_is_there() {
    for folder in ["deploy/helm/signalbus/ci", "deploy/helm/signalbus/refused"] {
        assert!(files(folder).len() >= 3, "{folder}");
        let short = folder.rsplit('/').next().unwrap();
        assert!(read("xtask/src/ship/charts.rs").contains(&format!("\"{short}\"")));
    }
    // `./prometheus:/etc/prometheus:ro`
    let compose = read("deploy/compose.yaml");
    let mounts = compose
        .split("./")
        .skip(1)
        .filter_map(|rest| rest.split_once(':'));
    let mounts: Vec<&str> = mounts.map(|(folder, _)| folder).collect();
    assert_eq!(mounts.len(), 4, "{mounts:?}");
    for mount in mounts {
        assert!(root().join("deploy").join(mount).is_dir(), "{mount}");
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// Images whose digest could not be looked up; `docs/ship.md` says so.
const BY_TAG: [&str; 1] = ["oliver006/redis_exporter:v1.69.0"];

#[test]
fn images_of_others_are_named_by_digest_and_actions_by_commit() {
    let mut seen = 0;
    for file in ["deploy/compose.yaml", "deploy/Dockerfile"] {
        for line in read(file).lines().map(str::trim) {
            let image = line
                .strip_prefix("image: ")
                .or_else(|| line.strip_prefix("FROM "));
            let Some(image) = image.and_then(|rest| rest.split(' ').next()) else {
                continue;
            };
            let ours = !image.contains([':', '/']) || image.starts_with("signalbus/");
            if ours {
                continue;
            }
            seen += 1;
            let digest = image.split_once("@sha256:").map(|(_, digest)| digest);
            let pinned = digest.is_some_and(|digest| is_hex(digest, 64));
            assert!(pinned != BY_TAG.contains(&image), "{file}: {image}");
        }
    }
    assert!(seen > 8, "{seen}");
    for image in BY_TAG {
        assert!(read("docs/ship.md").contains(image), "{image}");
    }
    let mut actions = 0;
    for file in files(".github/workflows") {
        for line in read(&file).lines() {
            if let Some((_, action)) = line.split_once("uses: ") {
                let commit = action.split(['@', ' ']).nth(1).unwrap();
                assert!(
                    is_hex(commit, 40) && action.contains(" # v"),
                    "{file}: {action}"
                );
                actions += 1;
            }
        }
    }
    assert!(actions > 10, "{actions}");
}

/// The stages of the Dockerfile: name, what it is made from, and its lines.
fn stages() -> Vec<(String, String, Vec<String>)> {
    let mut stages: Vec<(String, String, Vec<String>)> = Vec::new();
    for line in read("deploy/Dockerfile").lines() {
        if let Some(rest) = line.strip_prefix("FROM ") {
            let (from, name) = rest.split_once(" AS ").unwrap();
            stages.push((name.to_owned(), from.to_owned(), Vec::new()));
        } else if let Some(stage) = stages.last_mut() {
            stage.2.push(line.to_owned());
        }
    }
    stages
}

#[test]
fn each_image_is_one_program_on_nothing_that_tells_its_own_health() {
    let stages = stages();
    let stage = |name: &str| stages.iter().find(|stage| stage.0 == name).unwrap();
    let base = stage("base");
    assert_eq!(base.1, "scratch");
    assert!(base.2.contains(&"USER 65532:65532".to_owned()));
    assert_eq!(stage("server").1, "base");
    for name in [
        "notification-api",
        "notification-server",
        "email-worker",
        "sms-worker",
        "signalbus",
    ] {
        let (_, from, lines) = stage(name);
        let below = if name == "signalbus" {
            "base"
        } else {
            "server"
        };
        assert_eq!(from, below, "{name}");
        let has = |line: &str| lines.iter().any(|of| of == line);
        assert!(
            has(&format!("COPY --from=build /out/bin/{name} /{name}")),
            "{name}"
        );
        assert!(has(&format!("ENTRYPOINT [\"/{name}\"]")), "{name}");
        let health = format!("CMD [\"/{name}\", \"--health\"]");
        let told = lines
            .iter()
            .any(|line| line.starts_with("HEALTHCHECK ") && line.ends_with(&health));
        assert!(
            told || (name == "signalbus" && has("HEALTHCHECK NONE")),
            "{name}"
        );
        assert!(
            !lines
                .iter()
                .any(|line| line.starts_with("USER") || line.starts_with("RUN"))
        );
    }
}

/// The settings of the programs, with the variables of notification-server.
fn known() -> BTreeSet<String> {
    let table = read("examples/servers/common/settings/table.rs");
    let mut known: BTreeSet<String> = table
        .lines()
        .filter_map(|line| {
            line.trim()
                .split_once(" = \"")?
                .1
                .split_once("\", ")
                .map(|(name, _)| name)
        })
        .map(|name| format!("SIGNALBUS_{}", name.to_uppercase()))
        .collect();
    assert!(known.len() > 10, "{known:?}");
    let args = read("examples/servers/notification-server/args.rs");
    let own = args
        .split("env = \"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    known.extend(own.map(str::to_owned));
    known
}

#[test]
fn every_setting_that_is_given_is_known() {
    let mut known = known();
    // Of compose.yaml itself.
    known.insert("SIGNALBUS_POSTGRES_PASSWORD".to_owned());
    let mut given = 0;
    let mut places = vec![
        "deploy/compose.yaml".to_owned(),
        "deploy/Dockerfile".to_owned(),
    ];
    places.extend(files("deploy/helm"));
    places.extend(files("deploy/railway"));
    for file in places {
        let text = read(&file);
        for (at, _) in text.match_indices("SIGNALBUS_") {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_');
            let name = &rest[..end.unwrap_or(rest.len())];
            // `vars.SIGNALBUS_URL` and the like would be another's.
            assert!(known.contains(name), "{file}: {name}");
            given += 1;
        }
    }
    assert!(given > 30, "{given}");
}

#[test]
fn railway_has_a_file_and_variables_for_each_service_it_deploys() {
    let variables: serde_json::Value =
        serde_json::from_str(&read("deploy/railway/variables.json")).unwrap();
    let script = read("deploy/railway/deploy.sh");
    let services = script
        .split_once("services=(")
        .unwrap()
        .1
        .split_once(')')
        .unwrap()
        .0;
    let mut services: Vec<&str> = services.split(' ').collect();
    services.push("notification-server");
    for service in services {
        let file = read(&format!("deploy/railway/{service}.json"));
        let file: serde_json::Value = serde_json::from_str(&file).unwrap();
        assert_eq!(file["build"]["dockerfilePath"], "deploy/railway/Dockerfile");
        let start = file["deploy"]["startCommand"].as_str().unwrap();
        let program = start.split(' ').next().unwrap();
        let built = read("deploy/Dockerfile").contains(&format!("ENTRYPOINT [\"{program}\"]"));
        assert!(built, "{service} starts {start}");
        assert!(variables[service].is_object(), "{service}");
        let healthy = file["deploy"]["healthcheckPath"] == "/readyz";
        assert!(healthy || service == "migrate", "{service}");
    }
}
