//! IAM's credential report: the keys of all users in one table, without their ids, up to four hours old (IAM User
//! Guide, "Generate credential reports for your AWS account").
//!
//! A run uses it only to skip users. It never uses it to change something: for that, it reads the keys from IAM itself.

use std::collections::HashMap;

use crate::model::{access_key::KeyStatus, time::Timestamp, user::UserName};

/// The keys of all users, as far as the report shows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CredentialReport {
    /// The keys by user name in lower case; `None` if the columns of a key have unknown values.
    users: HashMap<String, Option<Vec<Seen>>>,
}

/// One key, as the report shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether the key is active.
    pub status: KeyStatus,
    /// When the key was created "or last changed". A key that was deactivated and activated again seems younger than it
    /// is.
    pub changed: Timestamp,
    /// When the key was last used; `None` if it never was.
    pub used: Option<Timestamp>,
}

/// The text is not a credential report in the form that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credential report cannot be read: {0}")]
pub struct CredentialReportError(String);

/// The columns of a user's two keys: whether it is active, when it was last changed, and when it was last used.
const KEYS: [[&str; 3]; 2] = [
    ["access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date"],
    ["access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date"],
];

impl CredentialReport {
    /// Reads the report.
    ///
    /// # Errors
    /// [`CredentialReportError`] if it is no table with the needed columns. A row that cannot be read is no error: its
    /// user is not skipped.
    pub fn read(content: &[u8]) -> Result<Self, CredentialReportError> {
        let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(content);
        let header = table.headers().map_err(|e| CredentialReportError(e.to_string()))?;
        let column = |name: &str| {
            header
                .iter()
                .position(|column| column == name)
                .ok_or_else(|| CredentialReportError(format!("it has no column {name}")))
        };
        let (columns, name) = (header.len(), column("user")?);
        let [one, two] = KEYS.map(|[active, changed, used]| {
            Ok::<_, CredentialReportError>([column(active)?, column(changed)?, column(used)?])
        });
        let places = [one?, two?];
        let mut report = Self::default();
        for row in table.records() {
            let row = row.map_err(|e| CredentialReportError(e.to_string()))?;
            // A comma in a name without quotes, or a report that is cut off: it is unknown which user the row is about.
            if row.len() != columns {
                continue;
            }
            let cell = |column: usize| row.get(column).unwrap_or_default();
            // The root user of the account has a row too, under a name that no IAM user can have.
            if cell(name).parse::<UserName>().is_ok() {
                let keys = places.iter().filter_map(|place| seen(place.map(cell)).transpose());
                report.users.insert(cell(name).to_ascii_lowercase(), keys.collect::<Result<_, _>>().ok());
            }
        }
        Ok(report)
    }

    /// The keys of the user; `None` if the report does not show them, or is older than the user.
    #[must_use]
    pub fn keys(&self, user: &UserName) -> Option<&[Seen]> {
        self.users.get(&user.as_str().to_ascii_lowercase())?.as_deref()
    }
}

/// A value that the column must not have.
struct Unknown;

/// Reads one of the two places for keys; `None` if it is empty.
fn seen([active, changed, used]: [&str; 3]) -> Result<Option<Seen>, Unknown> {
    let status = match active.to_ascii_lowercase().as_str() {
        "true" => KeyStatus::Active,
        "false" => KeyStatus::Inactive,
        _ => return Err(Unknown),
    };
    let time = |text: &str| text.parse().map_err(|_| Unknown);
    let used = if used == "N/A" { None } else { Some(time(used)?) };
    match (status, changed) {
        (KeyStatus::Inactive, "N/A") => Ok(None),
        _ => Ok(Some(Seen { status, changed: time(changed)?, used })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
                          access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,cert_1_active\n";

    fn read(rows: &str) -> CredentialReport {
        CredentialReport::read(format!("{HEADER}{rows}").as_bytes()).unwrap()
    }

    #[test]
    fn each_place_for_a_key_is_read_as_empty_or_as_a_key() {
        let report = read(
            "<root_account>,arn,true,2020-01-01T00:00:00+00:00,N/A,false,N/A,N/A,false\n\
             Alice,arn,true,2026-09-25T03:16:40+00:00,2026-11-02T00:00:00+00:00,false,2026-11-01T00:00:00Z,N/A,false\n\
             \"b,ob\",arn,false,N/A,N/A,false,N/A,N/A,false\n",
        );
        let alice = "alice".parse().unwrap();
        let at = |text: &str| text.parse().unwrap();
        let active = Seen {
            status: KeyStatus::Active,
            changed: at("2026-09-25T03:16:40Z"),
            used: Some(at("2026-11-02T00:00:00Z")),
        };
        let inactive = Seen { status: KeyStatus::Inactive, changed: at("2026-11-01T00:00:00Z"), used: None };
        assert_eq!(report.keys(&alice), Some(&[active, inactive][..]));
        assert_eq!(report.keys(&"b,ob".parse().unwrap()), Some(&[][..]));
        assert_eq!(report.keys(&"carol".parse().unwrap()), None);
        assert_eq!(report.users.len(), 2);
    }

    /// A row that cannot be read hides only its own user, and none of the others.
    #[test]
    fn a_row_with_an_unknown_value_hides_only_its_user() {
        for keys in [
            "maybe,2026-09-25T03:16:40Z,N/A,false,N/A,N/A",
            "true,yesterday,N/A,false,N/A,N/A",
            "true,2026-09-25T03:16:40Z,lately,false,N/A,N/A",
            "true,N/A,N/A,false,N/A,N/A",
            "false,N/A,N/A,,N/A,N/A",
            "not_supported,not_supported,N/A,false,N/A,N/A",
        ] {
            let report = read(&format!(
                "a,b,arn,{keys},false\nalice,arn,{keys},false\nalice,arn,true\nbob,arn,false,N/A,N/A,false,N/A,N/A,false\n"
            ));
            assert_eq!(report.keys(&"alice".parse().unwrap()), None, "{keys}");
            assert_eq!(report.keys(&"bob".parse().unwrap()), Some(&[][..]), "{keys}");
        }
    }

    #[test]
    fn a_text_that_is_no_report_is_refused() {
        let header = HEADER.trim_end();
        for (text, why) in
            [(String::new(), "no column user"), ("user,arn\nalice,arn\n".into(), "no column access_key_1_active")]
        {
            let bad = CredentialReport::read(text.as_bytes()).unwrap_err();
            assert!(bad.to_string().contains(why), "{bad}");
        }
        assert_eq!(CredentialReport::read(header.as_bytes()), Ok(CredentialReport::default()));
    }
}
