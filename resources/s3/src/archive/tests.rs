//! Archives of all kinds, the hostile ones above all.

use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;

use concourse_resource_sdk::Step;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use zip::write::SimpleFileOptions;

use super::*;

/// Unpacks a file of that name and content; what the destination then holds, or the error.
fn unpacked(name: &str, content: &[u8], params: &GetParams) -> (tempfile::TempDir, Result<(), String>) {
    let top = tempfile::tempdir().unwrap();
    let dest = top.path().join("dest");
    std::fs::create_dir(&dest).unwrap();
    std::fs::write(dest.join(name), content).unwrap();
    let cx = Context::builder("s3", Step::Get).finish();
    let place = Place::open(&dest).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let name = RelativePath::new(name).unwrap();
    let result = runtime.block_on(unpack(&cx, place, name, Limits::of(params), Otherwise::Fail));
    (top, result.map(|_| ()).map_err(|error| error.to_string()))
}

fn listed(top: &tempfile::TempDir) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![top.path().to_owned()];
    while let Some(path) = pending.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            if meta.is_dir() {
                pending.push(path.clone());
            } else {
                found.push(path.strip_prefix(top.path()).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// An entry as hostile as wanted: the name is not looked at.
fn entry(builder: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, target: &str, content: &[u8]) {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o4755);
    header.set_mtime(1_000_000_000);
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

fn tarball(make: impl Fn(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    make(&mut builder);
    builder.into_inner().unwrap()
}

fn plain_tar() -> Vec<u8> {
    tarball(|tar| {
        entry(tar, "./", EntryType::Directory, "", b"");
        entry(tar, "s/", EntryType::Directory, "", b"");
        entry(tar, "a", EntryType::Regular, "", b"A");
        entry(tar, "s/b", EntryType::Regular, "", b"B");
        entry(tar, "s/link", EntryType::Symlink, "../a", b"");
        entry(tar, "hard", EntryType::Link, "s/b", b"");
    })
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn bzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zipped(names: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, content) in names {
        let options = SimpleFileOptions::default().unix_permissions(0o755);
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn every_format_is_seen_by_its_content_and_the_archive_is_gone() {
    let tar = ["dest/a", "dest/hard", "dest/s/b", "dest/s/link"];
    let cases: [(&str, Vec<u8>, &[&str]); 9] = [
        ("x", plain_tar(), &tar),
        ("x.zip", gzipped(&plain_tar()), &tar),
        ("x.tgz", bzipped(&plain_tar()), &tar),
        (
            "x",
            zipped(&[("a", b"A"), ("s/b", b"B")]),
            &["dest/a", "dest/s/b"],
        ),
        ("x.txt.gz", gzipped(b"text"), &["dest/x.txt"]),
        ("x", gzipped(b"text"), &["dest/x"]),
        ("x.txt.bz2", bzipped(b"text"), &["dest/x.txt"]),
        ("x.gz", gzipped(&zipped(&[("a", b"A")])), &["dest/x"]),
        // CONTRACT F6: the archive has the name of an entry.
        ("a", zipped(&[("a", b"A")]), &["dest/a"]),
    ];
    for (name, content, files) in cases {
        let (top, result) = unpacked(name, &content, &GetParams::default());
        assert_eq!(result, Ok(()), "{name}");
        assert_eq!(listed(&top), files, "{name}");
    }
}

#[test]
fn a_tar_whose_first_name_begins_like_another_format_is_a_tar() {
    let content = tarball(|tar| entry(tar, "BM", EntryType::Regular, "", b"x"));
    let (top, result) = unpacked("x", &content, &GetParams::default());
    assert_eq!((result, listed(&top)), (Ok(()), vec!["dest/BM".to_owned()]));
}

#[test]
fn modes_and_times_are_kept_but_not_set_user_id() {
    let (top, result) = unpacked("x", &plain_tar(), &GetParams::default());
    assert_eq!(result, Ok(()));
    for name in ["a", "s", "hard"] {
        let meta = top.path().join("dest").join(name).metadata().unwrap();
        assert_eq!(meta.permissions().mode() & 0o7777, 0o755, "{name}");
        let modified = meta
            .modified()
            .unwrap()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        assert_eq!(modified.as_secs(), 1_000_000_000, "{name}");
    }
}

#[test]
fn nothing_leaves_the_destination() {
    let hostile: [(&str, Vec<u8>); 8] = [
        (
            "goes up",
            tarball(|tar| entry(tar, "../evil", EntryType::Regular, "", b"x")),
        ),
        (
            "absolute",
            tarball(|tar| entry(tar, "/tmp/evil-s3", EntryType::Regular, "", b"x")),
        ),
        (
            "link up",
            tarball(|tar| entry(tar, "l", EntryType::Symlink, "../..", b"")),
        ),
        (
            "absolute link",
            tarball(|tar| entry(tar, "l", EntryType::Symlink, "/etc", b"")),
        ),
        (
            "hard link up",
            tarball(|tar| entry(tar, "l", EntryType::Link, "../outside", b"")),
        ),
        ("device", tarball(|tar| entry(tar, "l", EntryType::Char, "", b""))),
        (
            "through a link",
            tarball(|tar| {
                entry(tar, "d/", EntryType::Directory, "", b"");
                entry(tar, "l", EntryType::Symlink, "d", b"");
                entry(tar, "l/x", EntryType::Regular, "", b"x");
            }),
        ),
        ("zip", zipped(&[("../evil", b"x")])),
    ];
    for (what, content) in hostile {
        let (top, result) = unpacked("x", &content, &GetParams::default());
        let error = result.expect_err(what);
        assert!(
            error.starts_with("failed to extract archive: "),
            "{what}: {error}"
        );
        assert!(
            listed(&top).contains(&"dest/x".to_owned()),
            "{what}: the archive stays"
        );
        assert!(
            !listed(&top).iter().any(|path| !path.starts_with("dest/")),
            "{what}"
        );
        assert!(!std::path::Path::new("/tmp/evil-s3").exists());
    }
}

#[test]
fn bombs_are_defused() {
    let params = GetParams {
        unpack_max_bytes: Some(1000),
        unpack_max_entries: Some(3),
        ..GetParams::default()
    };
    let zeros = vec![0; 2000];
    for (content, limit) in [
        (gzipped(&zeros), "unpack_max_bytes"),
        (bzipped(&zeros), "unpack_max_bytes"),
        (
            zipped(&[("a", &zeros[..600]), ("b", &zeros[..600])]),
            "unpack_max_bytes",
        ),
        (
            tarball(|tar| entry(tar, "a", EntryType::Regular, "", &[0; 1200])),
            "unpack_max_bytes",
        ),
        (
            zipped(&[("a", b""), ("b", b""), ("c", b""), ("d", b"")]),
            "unpack_max_entries",
        ),
    ] {
        let (_top, result) = unpacked("x", &content, &params);
        let error = result.unwrap_err();
        assert!(error.contains(limit), "{error}");
    }
}

#[test]
fn what_is_no_archive_or_is_broken_stays_and_is_told() {
    let mut broken = zipped(&[("a", b"A")]);
    broken.truncate(20);
    for (content, text) in [
        (b"text".to_vec(), "not an archive: x"),
        (Vec::new(), "not an archive: x"),
        (b"\xfd7zXZ\0rest".to_vec(), "not an archive: x"),
        (broken, "failed to extract archive: "),
        (gzipped(b"text")[..12].to_vec(), "failed to extract archive: "),
    ] {
        let (top, result) = unpacked("x", &content, &GetParams::default());
        assert!(result.unwrap_err().starts_with(text));
        assert_eq!(listed(&top), ["dest/x"]);
        assert_eq!(std::fs::read(top.path().join("dest/x")).unwrap(), content);
    }
}
