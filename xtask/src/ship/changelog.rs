//! The changelog of one crate, from that of all of them: each entry begins with the crates that it is about.

use std::fmt::Write as _;

/// The newest version's entries about this crate.
pub(super) fn of(changelog: &str, name: &str) -> Result<String, String> {
    let newest = changelog
        .split("\n## ")
        .nth(1)
        .ok_or("CHANGELOG.md has no version")?;
    let (version, sections) = newest
        .split_once('\n')
        .ok_or("the newest version of CHANGELOG.md has nothing in it")?;
    let wrong = |error: std::fmt::Error| error.to_string();
    let mut text = format!("# {name}, {version}\n");
    let mut any = false;
    for section in sections.split("\n### ").skip(1) {
        let (heading, entries) = section.split_once('\n').unwrap_or((section, ""));
        let about: Vec<&str> = entries
            .split("\n- ")
            .map(|entry| entry.trim().trim_start_matches("- "))
            .filter(|entry| is_about(entry, name))
            .collect();
        if !about.is_empty() {
            any = true;
            write!(text, "\n## {heading}\n\n").map_err(wrong)?;
            for entry in about {
                writeln!(text, "- {entry}").map_err(wrong)?;
            }
        }
    }
    if !any {
        text.push_str("\nNothing but what it depends on.\n");
    }
    Ok(text)
}

/// Whether the words before the colon have the crate.
fn is_about(entry: &str, name: &str) -> bool {
    let head = entry.split(':').next().unwrap_or_default();
    head.contains(&format!("`{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "# Changelog\n\n## [0.2.0]\n\n### Added\n\n- `a`: one,\n  and more.\n- `b` and `a` (x): two.\n\
                       - `b`: of `a`.\n\n### Fixed\n\n- `b`: three.\n\n## [0.1.0]\n\n### Added\n\n- `a`: old.\n";

    #[test]
    fn an_entry_belongs_to_the_crates_before_its_colon_in_the_newest_version() {
        assert_eq!(
            of(ALL, "a").unwrap(),
            "# a, [0.2.0]\n\n## Added\n\n- `a`: one,\n  and more.\n- `b` and `a` (x): two.\n"
        );
        let b = of(ALL, "b").unwrap();
        assert!(b.contains("of `a`") && b.contains("## Fixed\n\n- `b`: three.\n"));
        assert!(
            of(ALL, "c")
                .unwrap()
                .ends_with("Nothing but what it depends on.\n")
        );
        assert!(of("# Changelog\n", "a").is_err());
    }
}
