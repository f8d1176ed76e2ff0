//! An S3 server that checks signatures and rights: moto, from `PyPI`, in its mode with authorisation.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};

/// The server, one for all tests of a process; it ends with the process.
pub struct Moto {
    pub endpoint: String,
    pub key: String,
    pub secret: String,
    wire: Mutex<Wire>,
}

struct Wire {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    _child: Child,
}

impl Wire {
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("an answer of moto");
        serde_json::from_str(&line).expect("moto ended: `tests/scripts/install test` installs it")
    }
}

impl Moto {
    /// The server, started when it is first needed.
    pub fn shared() -> &'static Self {
        static MOTO: OnceLock<Moto> = OnceLock::new();
        MOTO.get_or_init(Self::start)
    }

    fn start() -> Self {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/moto");
        let mut child = Command::new(python())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3");
        let mut wire = Wire {
            stdin: child.stdin.take().expect("a pipe"),
            stdout: BufReader::new(child.stdout.take().expect("a pipe")),
            _child: child,
        };
        let hello = wire.next();
        let text = |name: &str| hello[name].as_str().expect("a text").to_owned();
        Self {
            endpoint: text("endpoint"),
            key: text("key"),
            secret: text("secret"),
            wire: Mutex::new(wire),
        }
    }

    /// Calls a method of boto3, as the administrator.
    #[track_caller]
    pub fn call(&self, service: &str, method: &str, args: &Value) -> Value {
        let mut wire = self.wire.lock().unwrap();
        let call = json!({ "service": service, "method": method, "args": args });
        writeln!(wire.stdin, "{call}").expect("moto is gone");
        let answer = wire.next();
        assert!(
            answer.get("error").is_none(),
            "{method} {args}: {}",
            answer["error"]
        );
        answer
    }

    /// A new bucket with these keys; each holds its own name.
    #[track_caller]
    pub fn bucket(&'static self, name: &str, keys: &[&str]) -> Bucket {
        self.call("s3", "create_bucket", &json!({ "Bucket": name }));
        let bucket = Bucket {
            moto: self,
            name: name.to_owned(),
        };
        for key in keys {
            bucket.put(key, key.as_bytes());
        }
        bucket
    }

    /// A user who may do only this, and its keys.
    #[track_caller]
    pub fn user(&self, name: &str, actions: &[&str]) -> (String, String) {
        self.call("iam", "create_user", &json!({ "UserName": name }));
        let keys = self.call("iam", "create_access_key", &json!({ "UserName": name }));
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
        });
        let args = json!({ "UserName": name, "PolicyName": "some", "PolicyDocument": policy.to_string() });
        self.call("iam", "put_user_policy", &args);
        let text = |field: &str| keys["AccessKey"][field].as_str().expect("a key").to_owned();
        (text("AccessKeyId"), text("SecretAccessKey"))
    }
}

/// A bucket.
pub struct Bucket {
    moto: &'static Moto,
    pub name: String,
}

impl Bucket {
    /// A source with the administrator's keys, and these fields.
    pub fn source(&self, fields: &Value) -> Value {
        let mut source = json!({
            "bucket": self.name,
            "endpoint": self.moto.endpoint,
            "access_key_id": self.moto.key,
            "secret_access_key": self.moto.secret,
        });
        for (name, value) in fields.as_object().expect("an object") {
            source[name] = value.clone();
        }
        source
    }

    /// Puts an object; the id of its version, if the bucket has versions.
    #[track_caller]
    pub fn put(&self, key: &str, content: &[u8]) -> Option<String> {
        let content = json!({ "base64": base64(content) });
        let answer = self.call("put_object", &json!({ "Key": key, "Body": content }));
        answer["VersionId"].as_str().map(str::to_owned)
    }

    /// Turns versioning on, or off.
    #[track_caller]
    pub fn versioning(&self, status: &str) {
        let args = json!({ "VersioningConfiguration": { "Status": status } });
        self.call("put_bucket_versioning", &args);
    }

    /// Calls a method of the S3 API on this bucket.
    #[track_caller]
    pub fn call(&self, method: &str, args: &Value) -> Value {
        let mut args = args.clone();
        args["Bucket"] = self.name.as_str().into();
        self.moto.call("s3", method, &args)
    }
}

/// The Python that has moto: one of our own, if `tests/scripts/install` had to make it.
fn python() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let own = test
        .ancestors()
        .nth(3)
        .map(|target| target.join("python/bin/python3"));
    own.filter(|python| python.exists())
        .unwrap_or_else(|| "python3".into())
}

fn base64(content: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in content.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte))
            << (8 * (3 - three.len()));
        for index in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * index)) as usize & 63];
            text.push(if index > three.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    text
}
