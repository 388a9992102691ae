//! The setting `organization`: the accounts of an AWS organization that get a stack of their own.

use std::{fmt, str::FromStr};

use lambda::model::{account_id::AccountId, parse_error::ParseError};
use serde_json::{Map, Value as Json, json};

use crate::cfn::resource::CallAs;
use crate::config::{
    fields::Fields,
    organization_rules::{units_schema, wrong_units},
    setting::plain,
    setting_type::{SameAs, SettingType, ValueProblem, ValueRule, Word},
    tree::{self, Content, Node},
};

/// The accounts of an organization that get a stack of their own, which sends its notices to the administering account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The organization.
    pub id: OrganizationId,
    /// The one Region of the members' stacks, and of the administering account's stack. IAM is global: stacks in two Regions
    /// would rotate the same users.
    pub region: Region,
    /// The organizational units, or the root, with the accounts.
    pub units: Vec<UnitId>,
    /// Which of their accounts are members.
    pub accounts: MemberAccounts,
    /// The account that is changed before all others.
    pub first: Option<AccountId>,
    /// Which account administers the others.
    pub administrator: Administrator,
}

/// Which accounts of the organizational units are members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberAccounts {
    /// All of them, also accounts that join later.
    All,
    /// Only these.
    Only(Vec<AccountId>),
    /// All but these, also accounts that join later.
    AllBut(Vec<AccountId>),
}

impl Organization {
    /// Whether an account may be a member. Whether it is in one of the units, only AWS knows.
    #[must_use]
    pub fn allows(&self, account: &AccountId) -> bool {
        match &self.accounts {
            MemberAccounts::All => true,
            MemberAccounts::Only(list) => list.contains(account),
            MemberAccounts::AllBut(list) => !list.contains(account),
        }
    }

    /// Whether this account, which administers the others, gets a member's stack beside its own, which `synth deploy`
    /// deploys: the management account is in no organizational unit, and a StackSet skips it. It is selected by its number
    /// in `accounts`, or by the root of the organization.
    #[must_use]
    pub fn has_member_beside(&self, account: &AccountId) -> bool {
        let is_named = matches!(self.accounts, MemberAccounts::Only(_));
        self.administrator == Administrator::ManagementAccount
            && self.allows(account)
            && (is_named || self.units.iter().any(UnitId::is_root))
    }
}

/// The setting: an organization, or `none`.
#[derive(Debug, Clone)]
pub(super) struct OrganizationSetting(pub(super) Option<Organization>);

const NONE: &str = "none";

/// The fields of the mapping, and what each means. Names and values stand in backticks.
pub const ORGANIZATION_FIELDS: [(&str, &str); 7] = [
    ("id", "The id of the organization (`o-…`). Only its accounts may send events, and read packages."),
    (
        "region",
        "The one Region of all stacks, also of the administering account's stack. IAM is global, so stacks in two Regions \
         would rotate the same users. It cannot be in China, which has no StackSets with service-managed permissions.",
    ),
    (
        "units",
        "The organizational units (`ou-…`), or only the root (`r-…`). Each of their accounts gets a stack, and so does each \
         account that joins them later.",
    ),
    (
        "accounts",
        "Only these accounts of the units get a stack. An account that joins a unit later gets none. Not together with \
         `exclude`.",
    ),
    ("exclude", "These accounts of the units get no stack, and none if they join a unit later."),
    (
        "first",
        "The account that is created and updated before all others. If it fails, no other account is changed. Choose an \
         account in which a failure does little harm.",
    ),
    (
        "administrator",
        "The account that administers the others. `delegated-administrator`: a member that the organization made a delegated \
         administrator of StackSets, as AWS recommends. `management-account`: the management account. It gets a stack for \
         its own users too if `units` has the root or `accounts` has its number.",
    ),
];

impl SettingType for OrganizationSetting {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        let entries = match &node.content {
            Content::Text(word) if word == NONE => return Ok(Self(None)),
            Content::Map(entries) => entries,
            _ => {
                let wrong = ValueProblem::new("it must be a mapping with the fields of an organization, or none");
                return Err(vec![wrong.allowed(format!("allowed: {}", Self::allowed()))]);
            }
        };
        let mut fields = Fields::of(node, entries, &ORGANIZATION_FIELDS.map(|(name, _)| name));
        let id = fields.required("id");
        let region = fields.required("region");
        let units = fields.required::<Vec<UnitId>>("units");
        let accounts = fields.optional::<Vec<AccountId>>("accounts");
        let exclude = fields.optional::<Vec<AccountId>>("exclude");
        let first = fields.optional::<AccountId>("first");
        let administrator = fields.optional("administrator");
        let accounts = match (accounts, exclude) {
            (Some(_), Some(_)) => {
                let wrong = ValueProblem::new("accounts already lists all accounts that get a stack");
                fields.refuse("exclude", wrong.allowed("remove exclude, or remove accounts"));
                MemberAccounts::All
            }
            (Some(only), None) => MemberAccounts::Only(only),
            (None, Some(but)) => MemberAccounts::AllBut(but),
            (None, None) => MemberAccounts::All,
        };
        if let Some(wrong) = units.as_deref().and_then(wrong_units) {
            fields.refuse("units", wrong);
        }
        fields.finish()?;
        let (Some(id), Some(region), Some(units)) = (id, region, units) else { return Err(Vec::new()) };
        let administrator = administrator.unwrap_or(Administrator::DelegatedAdministrator);
        Ok(Self(Some(Organization { id, region, units, accounts, first, administrator })))
    }

    fn schema() -> Json {
        let schemas = [
            OrganizationId::schema(),
            Region::schema(),
            units_schema(),
            Vec::<AccountId>::schema(),
            Vec::<AccountId>::schema(),
            AccountId::schema(),
            Administrator::schema(),
        ];
        let described = ORGANIZATION_FIELDS.iter().zip(schemas).map(|((name, meaning), mut schema)| {
            schema["description"] = plain(meaning).into();
            ((*name).to_owned(), schema)
        });
        json!({ "anyOf": [{ "type": "string", "enum": [NONE] }, {
            "type": "object",
            "properties": described.collect::<Map<_, _>>(),
            "required": ["id", "region", "units"],
            "additionalProperties": false,
            "not": { "required": ["accounts", "exclude"] },
        }] })
    }

    fn allowed() -> String {
        let fields: Vec<_> = ORGANIZATION_FIELDS.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("`{NONE}`, or a mapping with the fields {}; `id`, `region` and `units` are required", fields.join(", "))
    }

    fn json(text: &str) -> Json {
        tree::parse(text).map_or(Json::Null, |node| tree::json(&node))
    }
}

/// Declares a checked text.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $allowed:literal, $pattern:literal, $fits:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// The checked text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let fits: fn(&str) -> bool = $fits;
                let invalid = || ParseError { value: text.to_owned(), what: $what, allowed: $allowed };
                fits(text).then(|| Self(text.to_owned())).ok_or_else(invalid)
            }
        }

        impl Word for $name {
            fn rule() -> ValueRule {
                ValueRule::pattern($pattern)
            }

            fn guesses(text: &str) -> Vec<String> {
                vec![text.trim().rsplit('/').next().unwrap_or_default().to_lowercase()]
            }
        }
    };
}

/// Whether a text has so many lowercase letters and digits.
fn has_letters(text: &str, least: usize) -> bool {
    (least..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

text! {
    /// The id of an organization: `o-` and 10 to 32 lowercase letters or digits (Organizations API, "Organization").
    OrganizationId, "the id of an organization", "o- and 10 to 32 lowercase letters or digits, such as o-abcdefghij",
    "o-[a-z0-9]{10,32}",
    |text| text.strip_prefix("o-").is_some_and(|rest| has_letters(rest, 10))
}

text! {
    /// The id of an organizational unit or of the root (Organizations API, "OrganizationalUnit", "Root").
    UnitId, "the id of an organizational unit or of a root",
    "ou-ROOT-UNIT, such as ou-abcd-11112222, or the root's id, such as r-abcd",
    "(?:ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})",
    |text| match (text.strip_prefix("ou-").and_then(|rest| rest.split_once('-')), text.strip_prefix("r-")) {
        (Some((root, unit)), _) => has_letters(root, 4) && has_letters(unit, 8),
        (None, Some(root)) => has_letters(root, 4),
        (None, None) => false,
    }
}

impl UnitId {
    /// Whether it is the root, which has all accounts of the organization.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.starts_with("r-")
    }
}

text! {
    /// The code of a Region outside China: StackSets with service-managed permissions do not exist there. Whether the Region
    /// exists is not checked.
    Region, "a Region where StackSets can have service-managed permissions",
    "the code of a Region outside China, such as eu-west-1",
    "(?!cn-)[a-z]{2,12}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}",
    |text| {
        let mut words: Vec<&str> = text.split('-').collect();
        let number = words.pop().unwrap_or_default();
        let is_word = |word: &&str| (2..=12).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
        !text.starts_with("cn-")
            && (1..=2).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && (2..=4).contains(&words.len())
            && words.iter().all(is_word)
    }
}

impl SameAs for UnitId {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}

impl SameAs for AccountId {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}

impl Word for AccountId {
    fn rule() -> ValueRule {
        ValueRule::pattern("[0-9]{12}")
    }

    fn guesses(text: &str) -> Vec<String> {
        vec![text.chars().filter(char::is_ascii_digit).collect()]
    }
}

/// Which account administers the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Administrator {
    /// A member of the organization that may administer StackSets.
    DelegatedAdministrator,
    /// The management account of the organization.
    ManagementAccount,
}

const ADMINISTRATORS: [(&str, Administrator); 2] = [
    ("delegated-administrator", Administrator::DelegatedAdministrator),
    ("management-account", Administrator::ManagementAccount),
];

impl Administrator {
    /// How CloudFormation calls it.
    #[must_use]
    pub const fn call_as(self) -> CallAs {
        match self {
            Self::DelegatedAdministrator => CallAs::DelegatedAdministrator,
            Self::ManagementAccount => CallAs::Management,
        }
    }
}

impl FromStr for Administrator {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = ADMINISTRATORS.iter().find(|(word, _)| *word == text);
        known.map(|(_, administrator)| *administrator).ok_or_else(|| ParseError {
            value: text.to_owned(),
            what: "an account that administers others",
            allowed: "delegated-administrator or management-account",
        })
    }
}

impl Word for Administrator {
    const ALIASES: &[(&str, &str)] = &[
        ("DELEGATED_ADMIN", "delegated-administrator"),
        ("delegated", "delegated-administrator"),
        ("SELF", "management-account"),
        ("management", "management-account"),
    ];

    fn rule() -> ValueRule {
        ValueRule::words(ADMINISTRATORS.map(|(word, _)| word))
    }
}
