//! `examples/pick-up.sh` beside other runs, and when it is stopped. The end-to-end tests run it with AWS.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::common::root;

/// A home with a key, and programs in place of the AWS CLI and of awk.
fn home(awk: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let program = |name: &str, code: &str| {
        let path = home.path().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{code}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    };
    for folder in ["bin", ".aws"] {
        fs::create_dir(home.path().join(folder)).unwrap();
    }
    fs::write(home.path().join(".aws/credentials"), "[default]\naws_access_key_id = old\naws_secret_access_key = s\n")
        .unwrap();
    // It notes each read of the present key and each use of the secret.
    program(
        "aws",
        r#"case "$*" in
          *aws_access_key_id*) echo read >>"$HOME/log"; sed -n 's/aws_access_key_id = //p' "$HOME/.aws/credentials" ;;
          *region*) echo eu-west-1 ;;
          *get-secret-value*) echo fetch >>"$HOME/log"; sleep 0.3; echo '{"Version":1,"AccessKeyId":"new","SecretAccessKey":"t"}' ;;
          *) echo arn ;;
        esac"#,
    );
    if !awk.is_empty() {
        program("awk", awk);
    }
    home
}

fn pick_up(home: &Path) -> Child {
    let mut script = Command::new(root().join("examples/pick-up.sh"));
    script.arg("secret").env_clear().env("HOME", home);
    script.env("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()));
    script.stderr(Stdio::null()).spawn().unwrap()
}

fn files(home: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(home.join(".aws")).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_run_reads_only_after_the_one_before_it_has_ended() {
    let home = home("");
    // The lock of a run that was killed. No process has this id.
    std::os::unix::fs::symlink("999999999", home.path().join(".aws/credentials.lock")).unwrap();
    let runs = [(); 3].map(|()| pick_up(home.path()));
    for mut run in runs {
        assert!(run.wait().unwrap().success());
    }
    assert_eq!(fs::read_to_string(home.path().join("log")).unwrap(), "read\nfetch\n".repeat(3));
    let credentials = fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
    assert_eq!(credentials, "[default]\naws_access_key_id = new\naws_secret_access_key = t\n");
    assert_eq!(files(home.path()), ["credentials"]);
}

#[test]
fn a_stopped_run_leaves_no_file() {
    for (signal, code) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("PIPE", 141), ("TERM", 143)] {
        // The script has its temporary file while awk runs.
        let home = home("cat >/dev/null; echo half; : >\"$HOME/writes\"; sleep 1");
        let mut run = pick_up(home.path());
        while !home.path().join("writes").exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(files(home.path()).len(), 3, "{:?}", files(home.path()));
        assert!(Command::new("kill").args(["-s", signal, &run.id().to_string()]).status().unwrap().success());
        let status = run.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(code), None), "{signal}");
        assert_eq!(files(home.path()), ["credentials"], "{signal}");
        let credentials = fs::read_to_string(home.path().join(".aws/credentials")).unwrap();
        assert!(credentials.contains("= old\n"), "{signal}: {credentials}");
    }
}
