//! Postfix, a relay as many have it: one of our own, with its own folders and port.

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use signalbus::channel::email::EmailOptions;
use signalbus_smtp::{
    About, BounceKey, BounceReader, ReturnPath, Security, SmtpConfig, TlsOptions,
};
use signalbus_testkit::smtp::Authority;

use crate::support::{Parcel, provider};

/// The folder with `postfix`, `postconf` and the like.
fn programs() -> PathBuf {
    env::var_os("SIGNALBUS_TEST_POSTFIX").map_or_else(|| "/usr/sbin".into(), PathBuf::from)
}

struct Postfix {
    folder: tempfile::TempDir,
    port: u16,
    authority: Authority,
}

impl Postfix {
    /// Needs root, as Postfix itself does.
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("pf").tempdir().unwrap();
        let authority = Authority::new();
        let identity = authority.issue(&["localhost"]);
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let server = Self {
            folder,
            port,
            authority,
        };
        for name in ["etc", "spool", "data", "mail", "mail/inbox", "mail/bounces"] {
            fs::create_dir_all(server.path(name)).unwrap();
        }
        for name in ["certificate", "key"] {
            let text = match name {
                "key" => &identity.key,
                _ => &identity.certificate,
            };
            fs::write(server.path(name), text).unwrap();
        }
        fs::write(server.path("etc/main.cf"), server.main()).unwrap();
        fs::write(server.path("etc/master.cf"), server.master()).unwrap();
        fs::write(server.path("etc/mailboxes"), MAILBOXES).unwrap();
        fs::write(server.path("etc/aliases"), ALIASES).unwrap();
        let open = Command::new("sh")
            .arg("-c")
            .arg(format!(
                "chmod 755 {0} && chown -R postfix {0}/data {0}/mail && chmod 600 {0}/key",
                server.folder.path().display()
            ))
            .status();
        assert!(open.unwrap().success(), "{MISSING}");
        server.run("start");
        until(|| TcpStream::connect(("127.0.0.1", port)).ok())
            .unwrap_or_else(|| panic!("postfix did not start: {}", server.log()));
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn main(&self) -> String {
        let folder = self.folder.path().display();
        format!(
            "compatibility_level = 3.6\n\
             queue_directory = {folder}/spool\n\
             data_directory = {folder}/data\n\
             mail_owner = postfix\n\
             setgid_group = postdrop\n\
             inet_interfaces = 127.0.0.1\n\
             myhostname = relay.test\n\
             mydestination =\n\
             maillog_file = {folder}/log\n\
             maillog_file_prefixes = {folder}\n\
             alias_maps =\n\
             alias_database =\n\
             recipient_delimiter = +\n\
             virtual_mailbox_domains = example.test, acme.test\n\
             virtual_mailbox_base = {folder}/mail\n\
             virtual_mailbox_maps = texthash:{folder}/etc/mailboxes\n\
             virtual_alias_maps = texthash:{folder}/etc/aliases\n\
             virtual_uid_maps = static:{uid}\n\
             virtual_gid_maps = static:{gid}\n\
             default_transport = error:5.1.2 nobody goes there\n\
             smtpd_delay_reject = yes\n\
             smtpd_reject_unlisted_recipient = yes\n\
             smtputf8_enable = yes\n\
             smtpd_tls_security_level = may\n\
             smtpd_tls_cert_file = {folder}/certificate\n\
             smtpd_tls_key_file = {folder}/key\n",
            uid = id("-u"),
            gid = id("-g"),
        )
    }

    fn master(&self) -> String {
        let port = self.port;
        format!(
            "127.0.0.1:{port} inet n - n - - smtpd\n\
             pickup unix n - n 60 1 pickup\n\
             cleanup unix n - n - 0 cleanup\n\
             qmgr unix n - n 300 1 qmgr\n\
             tlsmgr unix - - n 1000? 1 tlsmgr\n\
             rewrite unix - - n - - trivial-rewrite\n\
             bounce unix - - n - 0 bounce\n\
             defer unix - - n - 0 bounce\n\
             trace unix - - n - 0 bounce\n\
             verify unix - - n - 1 verify\n\
             proxymap unix - - n - - proxymap\n\
             error unix - - n - - error\n\
             retry unix - - n - - error\n\
             discard unix - - n - - discard\n\
             virtual unix - n n - - virtual\n\
             anvil unix - - n - 1 anvil\n\
             scache unix - - n - 1 scache\n\
             postlog unix-dgram n - n - 1 postlogd\n"
        )
    }

    fn run(&self, command: &str) {
        let output = Command::new(programs().join("postfix"))
            .arg("-c")
            .arg(self.path("etc"))
            .arg(command)
            .output()
            .expect(MISSING);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said} {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Waits until so many mails lie in a mailbox, and gives them.
    fn mails(&self, mailbox: &str, count: usize) -> Vec<Vec<u8>> {
        let folder = self.path("mail").join(mailbox).join("new");
        let files = until(|| {
            let files: Vec<_> = fs::read_dir(&folder).into_iter().flatten().collect();
            (files.len() >= count).then_some(files)
        });
        let files = files.unwrap_or_else(|| panic!("no mail in {mailbox}: {}", self.log()));
        let mails = files.into_iter().map(|file| fs::read(file.unwrap().path()));
        mails.map(Result::unwrap).collect()
    }
}

const MISSING: &str = "`apt-get install postfix` and run as root, or set SIGNALBUS_TEST_POSTFIX to the \
                       folder of the program";

const MAILBOXES: &str =
    "ada@example.test inbox/\nhello@acme.test inbox/\nbounces@acme.test bounces/\n";

/// Forwarded to somebody who is not there: taken at first, and bounced later.
const ALIASES: &str = "moved@example.test ada@elsewhere.test\n";

/// Another program says nothing when it is done: looks again and again, for half a minute.
#[expect(
    clippy::disallowed_methods,
    reason = "waits for another program, between looks at what it did"
)]
fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    (0..600).find_map(|_| {
        let seen = look();
        if seen.is_none() {
            thread::sleep(Duration::from_millis(50));
        }
        seen
    })
}

fn id(which: &str) -> String {
    let output = Command::new("id")
        .args([which, "postfix"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{MISSING}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // The master alone knows its children.
        let pid = fs::read_to_string(Path::new(&self.path("spool/pid/master.pid")));
        if let Ok(pid) = pid {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

#[tokio::test]
async fn a_relay_takes_mails_refuses_the_unknown_and_its_bounces_are_read() {
    let postfix = Postfix::start();
    let key = BounceKey::new("a secret of thirty-two bytes, or more").unwrap();
    let config = SmtpConfig::new("localhost")
        .with_security(Security::StartTls)
        .with_port(postfix.port)
        .with_tls(TlsOptions::new().trust_only(postfix.authority.pem()))
        .with_bounces(ReturnPath::verp("bounces@acme.test", key.clone()).unwrap());
    let provider = provider(config);

    let text = ".\r\n..\r\nGrüße\r\n";
    for _ in 0..20 {
        let parcel = Parcel::with("ada@example.test", &EmailOptions::new(), text);
        parcel.send(&provider).await.unwrap();
    }
    for mail in postfix.mails("inbox", 20) {
        let read = mail_parser::MessageParser::default().parse(&mail).unwrap();
        assert_eq!(
            read.body_text(0).unwrap().replace("\r\n", "\n"),
            ".\n..\nGrüße\n"
        );
    }

    let error = Parcel::to("nobody@example.test")
        .send(&provider)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("550 5.1.1"));
    assert!(error.suppresses().is_some());
    Parcel::to("moved@example.test")
        .send(&provider)
        .await
        .unwrap();
    let bounce = postfix.mails("bounces", 1).remove(0);
    let reader = BounceReader::new(key, "smtp").unwrap();
    let bounces = reader.read(&bounce).unwrap();
    assert_eq!(bounces.len(), 1);
    assert_eq!(bounces[0].status.as_deref(), Some("5.1.2"));
    assert_eq!(bounces[0].about, About::Recipient);
    assert!(bounces[0].hard && bounces[0].receipt.is_some());
}
