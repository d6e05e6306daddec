//! The secrets of the server, each in a file that only its owner can read.

use std::{
    error::Error,
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use signalbus::{
    Entropy,
    directory::{
        Keys, NamePage, Owner,
        keys::{NewKey, Pepper, Scope},
    },
};

/// The pepper of the keys: that of the file `pepper`, which is made when it is not there.
pub(crate) fn pepper(folder: &Path) -> Result<Pepper, Box<dyn Error>> {
    let path = folder.join("pepper");
    let made = Pepper::generate(&Entropy::from_os());
    let digits: String = made
        .expose()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match write_new(&path, &digits) {
        Ok(()) => Ok(made),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read_pepper(&path),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

fn read_pepper(path: &Path) -> Result<Pepper, Box<dyn Error>> {
    let wrong = || format!("{} does not have 64 hexadecimal digits", path.display());
    let text = fs::read_to_string(path)?;
    let text = text.trim();
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong().into());
    }
    let mut secret = [0; 32];
    for (place, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).map_err(|_| wrong())?;
    }
    Ok(Pepper::new(secret))
}

/// Makes the first key of the host, when there is none. It goes into a file and nowhere else.
pub(crate) async fn first_key(
    keys: &Keys,
    folder: &Path,
) -> Result<Option<PathBuf>, Box<dyn Error>> {
    if !keys
        .list(&Owner::Host, NamePage::first(1))
        .await?
        .is_empty()
    {
        return Ok(None);
    }
    let path = folder.join("admin.key");
    let new = NewKey::new(Owner::Host, "the first key", Scope::ALL);
    let (token, _) = keys.issue("notification-server", new).await?;
    // What an earlier start left there is of another database.
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => write_new(&path, token.expose())?,
    }
    Ok(Some(path))
}

/// Makes the folder, for the owner's eyes only, when it is not there: the addresses of people are in it.
pub(crate) fn folder(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that was not there, for the owner's eyes only.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}
