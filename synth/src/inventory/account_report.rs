//! IAM's credential report with everything that an inventory needs: root, passwords, second factors, and the service and
//! Region of each last use (IAM User Guide, "Generate credential reports for your AWS account").
//!
//! The handler's reader of this report, [`lambda::selection::credential_report`], only needs the keys of users.

use lambda::model::{
    access_key::{KeyStatus, LastUse},
    time::Timestamp,
};

use super::holder::{Console, HeldKey};

/// One row of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRow {
    /// The name of the user. `None` for root.
    pub user: Option<String>,
    /// The console password and its second factor.
    pub console: Console,
    /// The access keys.
    pub keys: Vec<HeldKey>,
    /// What of the row cannot be read, as a sentence without a full stop.
    pub unread: Option<String>,
}

/// The text is not a credential report in the form that is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the credential report cannot be read: {0}")]
pub struct AccountReportError(String);

/// The name in the row of the account's root user. No IAM user can have it.
const ROOT: &str = "<root_account>";

/// The value of a column that has no value.
const NONE: [&str; 4] = ["N/A", "no_information", "not_supported", ""];

/// The columns of a user's two keys: whether it is active, when it was last changed, and its last use.
const KEYS: [[&str; 5]; 2] = [
    [
        "access_key_1_active",
        "access_key_1_last_rotated",
        "access_key_1_last_used_date",
        "access_key_1_last_used_service",
        "access_key_1_last_used_region",
    ],
    [
        "access_key_2_active",
        "access_key_2_last_rotated",
        "access_key_2_last_used_date",
        "access_key_2_last_used_service",
        "access_key_2_last_used_region",
    ],
];

/// Reads the report.
///
/// # Errors
/// [`AccountReportError`] if it is no table with the needed columns. A row that cannot be read is no error: it says what is
/// wrong with it.
pub fn read(content: &[u8]) -> Result<Vec<ReportRow>, AccountReportError> {
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(content);
    let header = table.headers().map_err(|e| AccountReportError(e.to_string()))?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.ok_or_else(|| AccountReportError(format!("it has no column {name}")))
    };
    let (user, password, mfa) = (column("user")?, column("password_enabled")?, column("mfa_active")?);
    let mut places = Vec::new();
    for names in KEYS {
        let mut columns = [0; 5];
        for (at, name) in columns.iter_mut().zip(names) {
            *at = column(name)?;
        }
        places.push(columns);
    }
    let mut rows = Vec::new();
    for row in table.records() {
        let row = row.map_err(|e| AccountReportError(e.to_string()))?;
        let cell = |column: usize| row.get(column).unwrap_or_default();
        let mut unread = Vec::new();
        if row.len() != header.len() {
            unread.push(format!("the row has {} columns instead of {}", row.len(), header.len()));
        }
        let mut keys = Vec::new();
        for columns in &places {
            match key(columns.map(cell)) {
                Ok(key) => keys.extend(key),
                Err(why) => unread.push(why),
            }
        }
        rows.push(ReportRow {
            user: Some(cell(user)).filter(|name| *name != ROOT).map(str::to_owned),
            console: match (cell(password).eq_ignore_ascii_case("true"), cell(mfa).eq_ignore_ascii_case("true")) {
                (false, _) => Console::None,
                (true, false) => Console::PasswordOnly,
                (true, true) => Console::WithMfa,
            },
            keys,
            unread: (!unread.is_empty()).then(|| unread.join("; ")),
        });
    }
    Ok(rows)
}

/// Reads one of the two places for keys; `None` if it is empty. The error is a sentence without a full stop.
fn key([active, changed, used, service, region]: [&str; 5]) -> Result<Option<HeldKey>, String> {
    let status = match active.to_ascii_lowercase().as_str() {
        "true" => KeyStatus::Active,
        "false" if NONE.contains(&changed) => return Ok(None),
        "false" => KeyStatus::Inactive,
        other => return Err(format!("a key has the status {other:?}")),
    };
    let time = |text: &str| text.parse::<Timestamp>().map_err(|_| format!("a key has the time {text:?}"));
    let text = |text: &str| Some(text).filter(|text| !NONE.contains(text)).unwrap_or("an unknown service").to_owned();
    let last_use = match used {
        used if NONE.contains(&used) => LastUse::Never,
        used => LastUse::Used {
            at: time(used)?,
            service: text(service),
            region: Some(region).filter(|region| !NONE.contains(region)).unwrap_or("an unknown Region").to_owned(),
        },
    };
    Ok(Some(HeldKey { id: None, status, since: time(changed)?, last_use }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,mfa_active,\
         access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
         access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service";

    const NO_KEY: &str = "false,N/A,N/A,N/A,N/A";

    fn rows(rows: &str) -> Vec<ReportRow> {
        read(format!("{HEADER}\n{rows}").as_bytes()).unwrap()
    }

    #[test]
    fn a_row_is_read_with_its_password_its_factor_and_its_keys() {
        let key = "true,2026-01-02T03:04:05+00:00,2026-02-03T04:05:06+00:00,eu-west-1,s3";
        let idle = "false,2026-01-02T03:04:05Z,N/A,N/A,N/A";
        let all = rows(&format!(
            "<root_account>,arn,2020-01-01T00:00:00Z,not_supported,false,true,2026-01-02T03:04:05Z,N/A,N/A,N/A,{NO_KEY}\n\
             \"a,b\",arn,2020-01-01T00:00:00Z,TRUE,false,{key},{idle}\n\
             c,arn,2020-01-01T00:00:00Z,true,true,{NO_KEY},{NO_KEY}\n"
        ));
        let used = LastUse::Used {
            at: "2026-02-03T04:05:06Z".parse().unwrap(),
            service: "s3".into(),
            region: "eu-west-1".into(),
        };
        let held =
            |status, last_use| HeldKey { id: None, status, since: "2026-01-02T03:04:05Z".parse().unwrap(), last_use };
        let row = |user: Option<&str>, console, keys| ReportRow {
            user: user.map(str::to_owned),
            console,
            keys,
            unread: None,
        };
        assert_eq!(
            all,
            [
                row(None, Console::None, vec![held(KeyStatus::Active, LastUse::Never)]),
                row(
                    Some("a,b"),
                    Console::PasswordOnly,
                    vec![held(KeyStatus::Active, used), held(KeyStatus::Inactive, LastUse::Never)]
                ),
                row(Some("c"), Console::WithMfa, vec![]),
            ]
        );
    }

    #[test]
    fn a_row_that_cannot_be_read_says_what_is_wrong() {
        for (keys, why) in [
            (format!("maybe,2026-01-02T03:04:05Z,N/A,N/A,N/A,{NO_KEY}"), "a key has the status \"maybe\""),
            (format!("true,lately,N/A,N/A,N/A,{NO_KEY}"), "a key has the time \"lately\""),
            (format!("{NO_KEY},true,2026-01-02T03:04:05Z,soon,x,y"), "a key has the time \"soon\""),
            (
                "true".to_owned(),
                "the row has 6 columns instead of 15; a key has the time \"\"; a key has the status \"\"",
            ),
        ] {
            let all = rows(&format!("alice,arn,2020-01-01T00:00:00Z,false,false,{keys}\n"));
            assert_eq!(all[0].unread.as_deref(), Some(why), "{keys}");
        }
        let no_table = read(b"user,arn\nalice,arn\n").unwrap_err().to_string();
        assert_eq!(no_table, "the credential report cannot be read: it has no column password_enabled");
    }
}
