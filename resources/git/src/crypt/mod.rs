//! Files that git-crypt has encrypted: CONTRACT 2, `git_crypt_key`.

mod cipher;
mod key_file;

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use concourse_resource_sdk::files::{Directory, RelativePath};
use concourse_resource_sdk::{Context, Error, Result, Secret};
use git2::{IndexEntry, Repository};

use self::cipher::Opened;
use self::key_file::KeyFile;
use git_source::{Replacer, git_failed};

/// A key, and the file that it came from.
pub(crate) struct GitCrypt {
    key: KeyFile,
    file: Vec<u8>,
}

/// What the filter driver makes of a file on its way into an unlocked repository; nothing where the repository is not unlocked for it.
pub(crate) fn clean(repo: &Repository, driver: &[u8], file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let Some(name) = key_of(driver) else {
        return Ok(None);
    };
    let kept = format!("git-crypt/keys/{name}");
    let Some(key) = Directory::open(repo.path()).and_then(|mut directory| {
        let path = RelativePath::new(kept).map_err(io::Error::other)?;
        match directory.find(&path)? {
            Some(_) => {
                let mut key = Vec::new();
                directory.read(&path)?.read_to_end(&mut key)?;
                Ok(Some(key))
            }
            None => Ok(None),
        }
    })?
    else {
        return Ok(None);
    };
    let key = KeyFile::parse(&key).map_err(io::Error::other)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    cipher::encrypt(&key, content).map(Some)
}

/// The name of the key of a filter driver.
fn key_of(driver: &[u8]) -> Option<&str> {
    let driver = std::str::from_utf8(driver).ok()?;
    match driver.strip_prefix("git-crypt")? {
        "" => Some("default"),
        named => named
            .strip_prefix('-')
            .filter(|name| !name.is_empty() && !name.contains('/')),
    }
}

impl GitCrypt {
    /// Reads the key of a source: an exported key file, in base64.
    pub(crate) fn new(cx: &Context, text: &Secret) -> Result<Self> {
        // CONTRACT 2: blanks are line breaks that were lost on the way.
        let text: String = text.expose().split_whitespace().collect();
        cx.log().redact(&text);
        let problem = |message: &str| Error::config("source.git_crypt_key", message);
        let file = STANDARD.decode(text).map_err(|_| {
            problem("the key is not valid base64").hint("give what git-crypt export-key - | base64 prints")
        })?;
        let key = KeyFile::parse(&file).map_err(|why| {
            problem(&format!("this is not a git-crypt key: {why}"))
                .hint("give what git-crypt export-key - | base64 prints")
        })?;
        Ok(Self { key, file })
    }

    /// Decrypts the files that are checked out, and leaves the clone as `git-crypt unlock` does.
    pub(crate) fn unlock(&self, cx: &Context, repo: &Repository) -> Result<()> {
        self.keep(repo)
            .map_err(|error| git_source::unwritable(&repo.path().join("git-crypt"), &error))?;
        self.configure(repo)
            .map_err(git_failed("configure the clone for git-crypt"))?;
        let mut replacer = Replacer::new(repo)?;
        let files = replacer.files(self.driver().as_bytes())?;
        let progress = cx.progress_items("Decrypting files", Some(files.len() as u64));
        for entry in files {
            crate::get::refuse_if_aborted(cx)?;
            self.decrypt(cx, &mut replacer, &entry)?;
            progress.add(1);
        }
        replacer.finish()
    }

    fn decrypt(&self, cx: &Context, replacer: &mut Replacer<'_>, entry: &IndexEntry) -> Result<()> {
        let path = String::from_utf8_lossy(&entry.path).escape_debug().to_string();
        let mut stored = replacer.read(entry)?;
        // Beside the file, until it is known to be genuine.
        let opened = tempfile::tempfile_in(cx.tmp()).and_then(|mut plain| {
            let opened = cipher::decrypt(&self.key, &mut stored, &mut plain)?;
            plain.rewind()?;
            Ok((opened, plain))
        });
        let failed = |error| git_source::local_failure(format!("failed to decrypt {path}"), error);
        match opened.map_err(failed)? {
            (Opened::Genuine, mut plain) => {
                replacer.write(entry, |file| io::copy(&mut plain, file).map(drop))
            }
            (Opened::NotEncrypted, _) => {
                cx.log()
                    .warn(format!("{path} is not encrypted, although it should be"));
                Ok(())
            }
            (Opened::Wrong, _) => Err(Error::remote(format!("failed to decrypt {path}"))
                .cause("it was encrypted with another key than source.git_crypt_key, or was tampered with")),
        }
    }

    /// The filter driver that attributes name.
    fn driver(&self) -> String {
        match &self.key.name {
            Some(name) => format!("git-crypt-{name}"),
            None => "git-crypt".to_owned(),
        }
    }

    /// Where git-crypt looks for the key.
    fn keep(&self, repo: &Repository) -> io::Result<()> {
        let name = self.key.name.as_deref().unwrap_or("default");
        let path = RelativePath::new(format!("git-crypt/keys/{name}")).map_err(io::Error::other)?;
        let mut directory = Directory::open(repo.path())?;
        directory.remove_all(&RelativePath::new("git-crypt").map_err(io::Error::other)?)?;
        directory.create(&path, 0o600)?.write_all(&self.file)
    }

    fn configure(&self, repo: &Repository) -> Result<(), git2::Error> {
        let driver = self.driver();
        let option = match &self.key.name {
            Some(name) => format!(" --key-name={name}"),
            None => String::new(),
        };
        let mut config = repo.config()?.open_level(git2::ConfigLevel::Local)?;
        config.set_str(
            &format!("filter.{driver}.smudge"),
            &format!("\"git-crypt\" smudge{option}"),
        )?;
        config.set_str(
            &format!("filter.{driver}.clean"),
            &format!("\"git-crypt\" clean{option}"),
        )?;
        config.set_bool(&format!("filter.{driver}.required"), true)?;
        config.set_str(
            &format!("diff.{driver}.textconv"),
            &format!("\"git-crypt\" diff{option}"),
        )
    }
}
