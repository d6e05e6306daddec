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
    http::vault::{MasterKey, Vault},
};

/// The pepper of the keys: that of the file `pepper`, which is made when it is not there.
pub(crate) fn pepper(folder: &Path) -> Result<Pepper, Box<dyn Error>> {
    let path = folder.join("pepper");
    let text = read_or_make(&path, || {
        digits(Pepper::generate(&Entropy::from_os()).expose())
    })?;
    let secret = secret_of(text.trim());
    Ok(Pepper::new(secret.ok_or_else(|| {
        format!("{} does not have 64 hexadecimal digits", path.display())
    })?))
}

/// Where accounts of tenants are sealed: under the key in the first line of the file `master.key`; lines below it are
/// the keys of before. For a new key put a line above the others, an id and 64 hexadecimal digits, and start again.
/// Without the file one is made, if it is for this process alone to make; else no accounts are kept.
pub(crate) fn vault(folder: &Path, alone: bool) -> Result<Option<Vault>, Box<dyn Error>> {
    let path = folder.join("master.key");
    if !alone && !fs::exists(&path)? {
        return Ok(None);
    }
    let text = read_or_make(&path, || {
        let (mut id, mut key) = ([0; 4], [0; 32]);
        let entropy = Entropy::from_os();
        entropy.fill(&mut id);
        entropy.fill(&mut key);
        format!("{} {}", digits(&id), digits(&key))
    })?;
    let wrong = || {
        let path = path.display();
        format!("{path}: each line has an id and 64 hexadecimal digits")
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let keys = lines.map(|line| -> Result<MasterKey, Box<dyn Error>> {
        let (id, key) = line.trim().split_once(' ').ok_or_else(wrong)?;
        let key = secret_of(key.trim()).ok_or_else(wrong)?;
        Ok(MasterKey::new(id, key)?)
    });
    let mut keys = keys.collect::<Result<Vec<_>, _>>()?.into_iter();
    let vault = Vault::new(keys.next().ok_or_else(wrong)?);
    Ok(Some(keys.fold(vault, Vault::previous)))
}

fn read_or_make(path: &Path, make: impl FnOnce() -> String) -> Result<String, Box<dyn Error>> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    match write_new(path, &make()) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(told(error).into()),
        _ => Ok(fs::read_to_string(path).map_err(told)?),
    }
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn secret_of(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut secret = [0; 32];
    for (place, byte) in secret.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).ok()?;
    }
    Some(secret)
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
