use git_remote::{Error, Ref, Remote, Uri};

use crate::server::Behaviour;
use crate::world::{World, open, options, run};

/// As `git ls-remote --symref` shows them.
fn shown(refs: &[Ref]) -> String {
    let mut lines = Vec::new();
    for found in refs {
        let name = String::from_utf8(found.name.clone()).unwrap();
        if let Some(target) = &found.target {
            lines.push(format!(
                "ref: {}\t{name}",
                String::from_utf8(target.clone()).unwrap()
            ));
        }
        lines.push(format!("{}\t{name}", found.id));
        if let Some(peeled) = found.peeled {
            lines.push(format!("{peeled}\t{name}^{{}}"));
        }
    }
    lines.join("\n")
}

fn every_way(world: &World) -> Vec<(String, String)> {
    let two = world.serve(Behaviour::default());
    let zero = world.serve(Behaviour {
        version_0: true,
        ..Behaviour::default()
    });
    let path = world.path("r.git").display().to_string();
    let mut ways = vec![
        ("path".to_owned(), path.clone()),
        ("file".to_owned(), format!("file://{path}")),
    ];
    for (name, server) in [("version 2", two), ("version 0", zero)] {
        ways.push((name.to_owned(), format!("{}/r.git", server.url)));
    }
    ways
}

#[test]
fn refs_are_those_that_git_lists() {
    let world = World::new();
    world.git("r.git", &["pack-refs", "--all"]);
    world.git(
        "work",
        &[
            "push",
            "-q",
            "origin",
            "main~1:refs/heads/loose",
            "main:refs/notes/x",
        ],
    );
    let wanted = world.git(".", &["ls-remote", "--symref", "r.git"]);
    for (way, uri) in every_way(&world) {
        let refs = run(|| open(&uri).refs(&[]).unwrap());
        assert_eq!(shown(&refs), wanted, "{way}");
    }
}

#[test]
fn prefixes_choose_refs() {
    let world = World::new();
    for (way, uri) in every_way(&world) {
        let refs = run(|| open(&uri).refs(&["refs/heads/t", "refs/tags/", "HEAD"]).unwrap());
        let names: Vec<_> = refs
            .iter()
            .map(|found| String::from_utf8_lossy(&found.name))
            .collect();
        assert_eq!(
            names,
            ["HEAD", "refs/heads/topic", "refs/tags/light", "refs/tags/v1"],
            "{way}"
        );
        assert_eq!(refs[3].peeled, Some(world.id("r.git", "main~5")), "{way}");
        assert_eq!(
            run(|| open(&uri).refs(&["refs/heads/gone"]).unwrap()),
            [],
            "{way}"
        );
    }
}

#[test]
fn an_empty_repository_has_no_refs() {
    let world = World::new();
    std::fs::remove_dir_all(world.path("r.git")).unwrap();
    world.bare("r.git");
    for (way, uri) in every_way(&world) {
        assert_eq!(run(|| open(&uri).refs(&[]).unwrap()), [], "{way}");
    }
}

#[test]
fn a_check_without_news_takes_two_requests_with_a_login_too() {
    let world = World::new();
    let login = Some("Basic dTpwOng=".to_owned());
    let server = world.serve(Behaviour {
        login: login.clone(),
        ..Behaviour::default()
    });
    let uri = format!("{}/r.git", server.url);
    run(|| {
        Remote::open(&Uri::new(uri.as_str()), options(Some(("u", "p:x"))))
            .unwrap()
            .refs(&["refs/heads/main"])
            .unwrap()
    });
    let seen = server.seen();
    let lines: Vec<_> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert_eq!(
        lines,
        [
            "GET /r.git/info/refs?service=git-upload-pack HTTP/1.1",
            "POST /r.git/git-upload-pack HTTP/1.1"
        ]
    );
    assert!(seen.iter().all(|seen| seen.authorization == login));

    let with_user = uri.replace("http://", "http://u:p%3Ax@");
    assert_eq!(run(|| open(&with_user).refs(&["HEAD"]).unwrap().len()), 1);
}

#[test]
fn logins_that_fail_say_so() {
    let world = World::new();
    let server = world.serve(Behaviour {
        login: Some("Basic other".to_owned()),
        ..Behaviour::default()
    });
    let uri = format!("{}/r.git", server.url);
    let error = |login| {
        run(|| {
            Remote::open(&Uri::new(uri.as_str()), options(login))
                .unwrap()
                .refs(&[])
                .unwrap_err()
                .to_string()
        })
    };
    assert_eq!(error(None), "127.0.0.1 requires a login");
    assert_eq!(error(Some(("u", "p"))), "127.0.0.1 refused the login");
}

/// Found in an attack: an empty password was sent unasked, and refused where everybody may read.
#[test]
fn a_user_without_a_password_is_sent_when_a_login_is_asked_for() {
    let world = World::new();
    for wants in [None, Some("Basic b3JnOg==".to_owned())] {
        let server = world.serve(Behaviour {
            login: wants.clone(),
            ..Behaviour::default()
        });
        let uri = format!("{}/r.git", server.url).replace("http://", "http://org@");
        assert_eq!(run(|| open(&uri).refs(&["HEAD"]).unwrap().len()), 1);
        let sent: Vec<_> = server.seen().into_iter().map(|seen| seen.authorization).collect();
        match wants {
            None => assert_eq!(sent, [None, None]),
            Some(login) => assert_eq!(sent, [None, Some(login.clone()), Some(login)]),
        }
    }
}

#[test]
fn a_redirect_moves_the_repository_and_not_the_login() {
    let world = World::new();
    let target = world.serve(Behaviour::default());
    let server = world.serve(Behaviour {
        redirect: Some(target.url.clone()),
        ..Behaviour::default()
    });
    let uri = format!("{}/r.git", server.url);
    let refs = run(|| {
        Remote::open(&Uri::new(uri.as_str()), options(Some(("u", "p"))))
            .unwrap()
            .refs(&["HEAD"])
            .unwrap()
    });
    assert_eq!(refs.len(), 1);
    assert!(server.seen().iter().all(|seen| seen.authorization.is_some()));
    let seen = target.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.authorization.is_none()), "{seen:?}");
}

#[test]
fn what_is_no_repository_is_said() {
    let world = World::new();
    let error = |uri: &str| run(|| open(uri).refs(&[]).unwrap_err());
    let server = world.serve(Behaviour::default());
    let gone = format!("{}/gone.git", server.url);
    assert_eq!(
        error(&gone).to_string(),
        format!("repository {gone} not found (status 404)")
    );
    for (status, wanted) in [
        (200, "is not a git repository"),
        (403, "is forbidden"),
        (500, "status 500"),
    ] {
        let server = world.serve(Behaviour {
            page: Some(status),
            ..Behaviour::default()
        });
        let text = error(&format!("{}/r.git?token=hunter2", server.url)).to_string();
        assert!(text.contains(wanted) && !text.contains("hunter2"), "{text}");
    }
    let path = world.path("nothing").display().to_string();
    let error = run(|| {
        Remote::open(&Uri::new(path.as_str()), options(None))
            .err()
            .unwrap()
    });
    assert_eq!(
        error.to_string(),
        format!("failed to open the local repository: '{path}' does not appear to be a git repository")
    );
}

#[test]
fn other_object_formats_are_refused() {
    let world = World::new();
    world.git(".", &["init", "-q", "--bare", "--object-format=sha256", "s.git"]);
    let server = world.serve(Behaviour::default());
    let far = run(|| open(&format!("{}/s.git", server.url)).refs(&[]).unwrap_err());
    assert!(matches!(far, Error::ObjectFormat(format) if format == "sha256"));
    let near = run(|| {
        Remote::open(
            &Uri::new(world.path("s.git").display().to_string()),
            options(None),
        )
        .err()
        .unwrap()
    });
    assert!(matches!(near, Error::ObjectFormat(_)), "{near}");
}
