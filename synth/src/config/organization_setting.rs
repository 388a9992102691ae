//! Reads the setting `organization`, and describes it for editors.

use std::str::FromStr;

use lambda::model::{account_id::AccountId, parse_error::ParseError};
use serde_json::{Map, Value as Json, json};

use crate::config::{
    fields::Fields,
    organization::{Administrator, MemberAccounts, Organization},
    organization_ids::{OrganizationId, UnitId},
    organization_rules::{region_schema, units_schema, wrong_region, wrong_units},
    setting::plain,
    setting_type::{SettingType, ValueProblem, ValueRule, Word},
    tree::{self, Content, Node},
};

/// The setting: an organization, or `none`.
#[derive(Debug, Clone)]
pub(super) struct OrganizationSetting(pub(super) Option<Organization>);

const NONE: &str = "none";

/// The fields of the mapping, and what each means. Names and values stand in backticks.
pub const ORGANIZATION_FIELDS: [(&str, &str); 7] = [
    ("id", "The id of the organization (`o-…`). Only its accounts may send events and read the package."),
    (
        "region",
        "The Region of all stacks, including the administering account's. IAM is global, so stacks in two Regions would \
         rotate the same users. It cannot be in China, which has no StackSets with service-managed permissions.",
    ),
    (
        "units",
        "The organizational units (`ou-…`), or only the root (`r-…`). Each of their accounts gets a stack, and so does each \
         account that joins a unit later.",
    ),
    (
        "accounts",
        "Only these accounts of the units get a stack. An account that joins a unit later gets none. It cannot be set \
         together with `exclude`.",
    ),
    ("exclude", "These accounts get no stack, even if they join a unit later."),
    (
        "first",
        "The account that gets its stack, and each update of it, before all others. If that fails, no other account is changed. \
         Choose an account in which a failure does little harm.",
    ),
    (
        "administrator",
        "The account that administers the others. `delegated-administrator`: a member account that is registered as a delegated \
         administrator of StackSets, as AWS recommends. `management-account`: the management account. It also gets a stack for \
         its own users if `units` has the root or `accounts` has its number.",
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
        let mut units = fields.required::<Vec<UnitId>>("units");
        let mut accounts = fields.optional::<Vec<AccountId>>("accounts");
        let mut exclude = fields.optional::<Vec<AccountId>>("exclude");
        let first = fields.optional::<AccountId>("first");
        let administrator = fields.optional("administrator");
        // Another order of the same entries is no change of the templates.
        if let Some(units) = &mut units {
            units.sort();
        }
        for accounts in [&mut accounts, &mut exclude].into_iter().flatten() {
            accounts.sort();
        }
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
        if let Some(wrong) = region.as_ref().and_then(wrong_region) {
            fields.refuse("region", wrong);
        }
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
            region_schema(),
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

const ADMINISTRATORS: [Administrator; 2] = [Administrator::DelegatedAdministrator, Administrator::ManagementAccount];

impl FromStr for Administrator {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = ADMINISTRATORS.into_iter().find(|administrator| administrator.as_str() == text);
        known.ok_or_else(|| ParseError {
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
        ValueRule::words(ADMINISTRATORS.map(Administrator::as_str))
    }
}
