//! What a reference names: a logical id of the template, a pseudo parameter, or an attribute of a resource.

use std::borrow::Cow;

/// The name of a resource, a parameter or an output within its template: letters and digits, the first a capital.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalId(Cow<'static, str>);

impl LogicalId {
    /// A name that is known when this program is compiled: `const { LogicalId::new("Topic") }`.
    ///
    /// # Panics
    /// If the name is not a logical id. In a `const` that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(is_logical_id(name.as_bytes()), "a logical id is 1 to 255 letters and digits, the first a capital");
        Self(Cow::Borrowed(name))
    }

    /// A name put together at run time; `None` if it is not 1 to 255 letters and digits beginning with a capital.
    #[must_use]
    pub fn derived(name: String) -> Option<Self> {
        is_logical_id(name.as_bytes()).then_some(Self(Cow::Owned(name)))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_logical_id(name: &[u8]) -> bool {
    let mut index = 0;
    while index < name.len() {
        if !name[index].is_ascii_alphanumeric() {
            return false;
        }
        index += 1;
    }
    matches!(name.len(), 1..=255) && name[0].is_ascii_uppercase()
}

/// A logical id that is checked when this program is compiled.
macro_rules! id {
    ($name:literal) => {
        const { $crate::cfn::LogicalId::new($name) }
    };
}

pub(crate) use id;

/// The pseudo parameters in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pseudo {
    /// The account that the stack is in.
    AccountId,
    /// `aws`, `aws-cn`, `aws-us-gov`.
    Partition,
    /// The Region that the stack is in.
    Region,
    /// The stack's name.
    StackName,
}

impl Pseudo {
    /// Its name in a template.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountId => "AWS::AccountId",
            Self::Partition => "AWS::Partition",
            Self::Region => "AWS::Region",
            Self::StackName => "AWS::StackName",
        }
    }
}

/// What a `Ref` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub(super) Named);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Logical(LogicalId),
    Pseudo(Pseudo),
}

/// What a `Fn::GetAtt` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub(super) of: LogicalId,
    pub(super) name: &'static str,
}

impl Name {
    /// The name as the template writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Named::Logical(id) => id.as_str(),
            Named::Pseudo(pseudo) => pseudo.name(),
        }
    }

    /// The pseudo parameter that it is, if it is one.
    #[must_use]
    pub const fn pseudo(&self) -> Option<Pseudo> {
        match &self.0 {
            Named::Logical(_) => None,
            Named::Pseudo(pseudo) => Some(*pseudo),
        }
    }

    /// What must be in the template.
    pub(super) fn needs(&self) -> Option<&LogicalId> {
        match &self.0 {
            Named::Logical(id) => Some(id),
            Named::Pseudo(_) => None,
        }
    }
}

impl Attribute {
    /// The resource that has it.
    #[must_use]
    pub fn of(&self) -> &LogicalId {
        &self.of
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl From<Pseudo> for Name {
    fn from(pseudo: Pseudo) -> Self {
        Self(Named::Pseudo(pseudo))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_ids_are_pascal_case() {
        assert!(LogicalId::derived("Topic1".into()).is_some());
        for bad in ["", "topic", "1Topic", "My-Topic", "Töpic", &"T".repeat(256)] {
            assert_eq!(LogicalId::derived(bad.into()), None, "{bad}");
        }
    }
}
