//! A file that appears whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// A file under a hidden name, complete and on disk. It is removed when it is dropped before
/// [`Draft::publish`].
#[derive(Debug)]
pub(crate) struct Draft {
    folder: PathBuf,
    hidden: PathBuf,
}

/// Why a draft did not get its name for good.
#[derive(Debug)]
pub(crate) enum PublishError {
    /// It never had the name.
    NotNamed(io::Error),
    /// It has the name, but a power cut may take it away.
    NotSynced(io::Error),
}

impl Draft {
    /// Writes `content` into a new hidden file of `folder` and waits until it is on disk.
    pub(crate) fn write(folder: &Path, content: &[u8]) -> io::Result<Self> {
        let (hidden, mut file) = create(folder)?;
        let draft = Self {
            folder: folder.to_owned(),
            hidden,
        };
        file.write_all(content)?;
        file.sync_all()?;
        Ok(draft)
    }

    /// Gives the file its name, in place of a file that has it, and waits until the name is on
    /// disk.
    pub(crate) fn publish(mut self, name: &str) -> Result<(), PublishError> {
        fs::rename(&self.hidden, self.folder.join(name)).map_err(PublishError::NotNamed)?;
        self.hidden = PathBuf::new();
        sync(&self.folder).map_err(PublishError::NotSynced)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let hidden = mem::take(&mut self.hidden);
        if hidden != Path::new("") {
            // Nothing is lost when it stays: nobody reads hidden files.
            let _ = fs::remove_file(hidden);
        }
    }
}

/// Takes a name that no other task, process or machine has, and steps over what dead ones left.
fn create(folder: &Path) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let hidden = folder.join(format!(".draft-{}-{number}", process::id()));
        match File::create_new(&hidden) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|file| (hidden, file)),
        }
    }
}

/// Waits until the names in a folder are on disk.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file; the file system sees to its names.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_is_hidden_until_it_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::write(folder.path(), b"one").unwrap();
        assert!(names(folder.path())[0].starts_with('.'));
        draft.publish("a.eml").unwrap();
        assert_eq!(names(folder.path()), ["a.eml"]);
        assert_eq!(fs::read(folder.path().join("a.eml")).unwrap(), b"one");
    }

    #[test]
    fn a_draft_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Draft::write(folder.path(), b"one").unwrap());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_published_file_replaces_its_namesake() {
        let folder = tempfile::tempdir().unwrap();
        for content in [&b"one"[..], b"two"] {
            let draft = Draft::write(folder.path(), content).unwrap();
            draft.publish("a.eml").unwrap();
        }
        assert_eq!(names(folder.path()), ["a.eml"]);
        assert_eq!(fs::read(folder.path().join("a.eml")).unwrap(), b"two");
    }

    #[test]
    fn leftovers_of_dead_processes_are_stepped_over() {
        let folder = tempfile::tempdir().unwrap();
        let first = Draft::write(folder.path(), b"one").unwrap();
        let number: u64 = names(folder.path())[0]
            .rsplit('-')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let leftovers: Vec<_> = (number + 1..number + 50)
            .map(|number| format!(".draft-{}-{number}", process::id()))
            .collect();
        for name in &leftovers {
            fs::write(folder.path().join(name), b"half").unwrap();
        }
        let second = Draft::write(folder.path(), b"two").unwrap();
        first.publish("a.eml").unwrap();
        second.publish("b.eml").unwrap();
        assert_eq!(names(folder.path()).len(), leftovers.len() + 2);
        assert_eq!(fs::read(folder.path().join("b.eml")).unwrap(), b"two");
    }

    #[test]
    fn failures_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::write(folder.path(), b"one").unwrap();
        fs::create_dir(folder.path().join("taken.eml")).unwrap();
        assert!(matches!(
            draft.publish("taken.eml"),
            Err(PublishError::NotNamed(_))
        ));
        assert_eq!(names(folder.path()), ["taken.eml"]);

        let gone = folder.path().join("gone");
        let error = Draft::write(&gone, b"one").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
