//! Files that are too large to be held in memory: they are written before the others, which libgit2 writes.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use concourse_resource_sdk::Result;
use concourse_resource_sdk::console::Progress;
use git_remote::LargeBlobs;
use git2::{FileMode, Index, IndexEntry, IndexTime, Oid, Repository, TreeWalkMode, TreeWalkResult};

use super::skipped;
use crate::git_failed;

/// How much is gathered before it is written.
const PIECE: usize = 256 * 1024;

/// Attributes that may change a file on its way out of the repository (gitattributes).
const CONVERTING: [&str; 3] = ["eol", "crlf", "ident"];

/// Writes the large files of a commit that are taken. Answers index entries for them, by which a checkout knows that they are
/// there.
pub(super) fn place(
    repo: &Repository,
    commit: Oid,
    takes: &dyn Fn(&[u8]) -> bool,
    progress: &Progress,
) -> Result<Vec<IndexEntry>> {
    let blobs = LargeBlobs::find(repo);
    let Some(directory) = repo.workdir().filter(|_| !blobs.is_empty()) else {
        return Ok(Vec::new());
    };
    let failed = git_failed("check the commit out");
    let mut entries = find(repo, commit, &blobs, takes).map_err(&failed)?;
    for entry in &mut entries {
        // It knows the names that would leave the directory or change the repository, and refuses them.
        Index::new()
            .and_then(|mut index| index.add(entry))
            .map_err(&failed)?;
        let path = directory.join(Path::new(std::ffi::OsStr::from_bytes(&entry.path)));
        write(&blobs, entry, &path).map_err(|error| crate::unwritable(&path, &error))?;
        progress.add(1);
    }
    Ok(entries)
}

/// The large files of a commit; none where attributes may ask for a conversion.
fn find(
    repo: &Repository,
    commit: Oid,
    blobs: &LargeBlobs,
    takes: &dyn Fn(&[u8]) -> bool,
) -> Result<Vec<IndexEntry>, git2::Error> {
    let mut found = Vec::new();
    let mut attributes = Vec::new();
    repo.find_commit(commit)?
        .tree()?
        .walk(TreeWalkMode::PreOrder, |directory, entry| {
            if entry.name_bytes() == b".gitattributes" {
                attributes.push(entry.id());
            }
            let is_file = [FileMode::Blob, FileMode::BlobExecutable]
                .map(i32::from)
                .contains(&entry.filemode());
            if is_file && blobs.size(entry.id()).is_some() {
                let path = [directory.as_bytes(), entry.name_bytes()].concat();
                if takes(&path) {
                    found.push(skipped(path, entry.id(), entry.filemode()));
                }
            }
            TreeWalkResult::Ok
        })?;
    let converts = |id: &Oid| {
        let blob = repo.find_blob(*id);
        // One that cannot be read is reported by the checkout.
        blob.is_ok_and(|blob| {
            let text = String::from_utf8_lossy(blob.content()).into_owned();
            CONVERTING.iter().any(|name| text.contains(name))
        })
    };
    if super::converts_line_ends(repo) || attributes.iter().any(converts) {
        found.clear();
    }
    Ok(found)
}

fn write(blobs: &LargeBlobs, entry: &mut IndexEntry, path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let is_executable = entry.mode == u32::from(FileMode::BlobExecutable);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if is_executable { 0o777 } else { 0o666 })
        .open(path)?;
    let mut out = BufWriter::with_capacity(PIECE, file);
    blobs.read(entry.id, &mut out)?;
    out.flush()?;
    let written = out.get_ref().metadata()?;
    // The index has 32 bits for each of these, and a comparison knows it.
    let cut = |number: i64| i32::try_from(number & i64::from(u32::MAX >> 1)).unwrap_or_default();
    let short = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
    *entry = IndexEntry {
        ctime: IndexTime::new(cut(written.ctime()), short(written.ctime_nsec().unsigned_abs())),
        mtime: IndexTime::new(cut(written.mtime()), short(written.mtime_nsec().unsigned_abs())),
        dev: short(written.dev()),
        ino: short(written.ino()),
        uid: written.uid(),
        gid: written.gid(),
        file_size: short(written.len()),
        flags_extended: 0,
        path: std::mem::take(&mut entry.path),
        ..*entry
    };
    Ok(())
}
