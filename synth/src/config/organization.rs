//! An organization: which of its accounts get a stack of their own, and which account administers them.

use lambda::model::account_id::AccountId;

use crate::{
    cfn::resource::CallAs,
    config::organization_ids::{OrganizationId, Region, UnitId},
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

    /// Whether `account` is a management account that administers and is also a member. A StackSet skips it, so
    /// `synth deploy` deploys its member stack. Its number in `accounts` selects it, or the root of the organization in
    /// `units`.
    #[must_use]
    pub fn has_management_member(&self, account: &AccountId) -> bool {
        let is_named = matches!(self.accounts, MemberAccounts::Only(_));
        self.administrator == Administrator::ManagementAccount
            && self.allows(account)
            && (is_named || self.units.iter().any(UnitId::is_root))
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

impl Administrator {
    /// How a StackSet names the administrator.
    #[must_use]
    pub const fn call_as(self) -> CallAs {
        match self {
            Self::DelegatedAdministrator => CallAs::DelegatedAdministrator,
            Self::ManagementAccount => CallAs::Management,
        }
    }

    /// The word in rotation.yaml.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DelegatedAdministrator => "delegated-administrator",
            Self::ManagementAccount => "management-account",
        }
    }

    /// The administrator that a StackSet names with this word. A StackSet without a word belongs to the management account.
    #[must_use]
    pub fn of_call_as(word: Option<&str>) -> Self {
        match word {
            Some(word) if word == CallAs::DelegatedAdministrator.as_str() => Self::DelegatedAdministrator,
            _ => Self::ManagementAccount,
        }
    }
}
