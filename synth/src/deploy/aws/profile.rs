//! The profiles in the files of the AWS CLI and the SDKs.

use std::borrow::Cow;

use aws_config::profile::{self, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use super::AwsError;

/// The error for a profile that the command line, or else AWS_PROFILE, names and no file has. `None` if a file has it, if
/// none is named, or if the files cannot be read.
pub(super) async fn unknown(from_command_line: Option<&str>) -> Option<AwsError> {
    let selected = from_command_line.map(|name| Cow::Owned(name.to_owned()));
    let profiles = profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), selected).await;
    missing(&profiles.ok()?)
}

/// The error if the selected profile does not exist. A program that names no profile selects `default`.
fn missing(profiles: &ProfileSet) -> Option<AwsError> {
    let profile = profiles.selected_profile();
    if profile == "default" || profiles.get_profile(profile).is_some() {
        return None;
    }
    let mut known: Vec<_> = profiles.profiles().map(str::to_owned).collect();
    known.sort_unstable();
    Some(AwsError::UnknownProfile { profile: profile.to_owned(), known })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_profile_that_no_file_has_is_named_with_those_that_they_have() {
        let home = Fs::from_slice(&[
            ("/home/me/.aws/config", "[default]\nregion = eu-west-1\n[profile work]\nregion = eu-west-1\n"),
            ("/home/me/.aws/credentials", "[old]\naws_access_key_id = id\naws_secret_access_key = secret\n"),
        ]);
        let env = Env::from_slice(&[("HOME", "/home/me")]);
        let files = EnvConfigFiles::default();
        let missing = async |env: &Env, fs: &Fs, name: Option<&'static str>| {
            super::missing(&profile::load(fs, env, &files, name.map(Cow::Borrowed)).await.unwrap())
        };
        for known in [None, Some("default"), Some("work"), Some("old")] {
            assert_eq!(missing(&env, &home, known).await, None, "{known:?}");
        }
        let text = missing(&env, &home, Some("wrok")).await.unwrap().to_string();
        for says in
            ["no AWS profile wrok.", "~/.aws/config", "they have default, old, work.", "aws configure list-profiles"]
        {
            assert!(text.contains(says), "{says}: {text}");
        }
        let env = Env::from_slice(&[("HOME", "/home/me"), ("AWS_PROFILE", "wrok")]);
        let text = missing(&env, &Fs::from_slice(&[]), None).await.unwrap().to_string();
        assert!(text.contains("profile wrok.") && text.contains("they have none."), "{text}");
    }
}
