/// Words that stand in examples, and passwords that servers have before somebody changes them.
const KNOWN: [&str; 14] = [
    "",
    "admin",
    "change-me",
    "change_me",
    "changeme",
    "default",
    "example",
    "key",
    "letmein",
    "password",
    "postgres",
    "secret",
    "test",
    "todo",
];

/// What is wrong with a secret that stands by itself. Never shows it.
pub(super) fn problem(secret: &str) -> Option<&'static str> {
    const LEAST: usize = 16;
    if secret.trim().is_empty() {
        return Some("is empty");
    }
    if is_known(secret) {
        return Some(
            "is one that everybody knows: make a new one, for instance with `openssl rand -hex 32`",
        );
    }
    if secret.len() < LEAST {
        return Some(
            "has fewer than 16 characters: make a new one, for instance with `openssl rand -hex 32`",
        );
    }
    None
}

/// What is wrong with a secret in a URL like `scheme://user:password@host`. Never shows it.
pub(super) fn problem_of_url(url: &str) -> Option<&'static str> {
    if url.trim().is_empty() {
        return Some("is empty");
    }
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let password = behind
        .rsplit_once('@')
        .and_then(|(account, _)| account.split_once(':'));
    match password {
        Some((_, password)) if is_known(password) => {
            Some("has a password that everybody knows, or an empty one")
        }
        _ => None,
    }
}

fn is_known(secret: &str) -> bool {
    let secret = secret.trim().to_lowercase();
    KNOWN.contains(&secret.as_str())
}
