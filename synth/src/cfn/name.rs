//! The names that a reference can contain: a logical id of the template, a pseudo parameter, or an attribute of a
//! resource.

use std::borrow::Cow;

/// The name of a resource, a parameter or an output within its template: 1 to 255 letters and digits that begin with a
/// capital letter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalId(Cow<'static, str>);

impl LogicalId {
    /// Makes a logical id from a name that is known at compile time: `const { LogicalId::new("Topic") }`.
    ///
    /// # Panics
    /// If the name is not a logical id. In a `const` that is a compile error.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(
            is_logical_id(name.as_bytes()),
            "a logical id has 1 to 255 letters and digits and begins with a capital"
        );
        Self(Cow::Borrowed(name))
    }

    /// Makes a logical id from a name that is built at run time. `None` if the name is not a logical id.
    #[must_use]
    pub fn derived(name: String) -> Option<Self> {
        is_logical_id(name.as_bytes()).then_some(Self(Cow::Owned(name)))
    }

    /// The logical id as the template writes it.
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

/// Makes a logical id that is checked at compile time.
macro_rules! id {
    ($name:expr) => {
        const { $crate::cfn::LogicalId::new($name) }
    };
}

pub(crate) use id;

/// The pseudo parameters that our templates use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pseudo {
    /// The 12-digit number of the stack's account.
    AccountId,
    /// The partition of the stack, such as `aws`, `aws-cn` or `aws-us-gov`.
    Partition,
    /// The code of the stack's Region, such as `eu-central-1`.
    Region,
    /// The name of the stack.
    StackName,
    /// The domain of the services' endpoints in the partition, such as `amazonaws.com`.
    UrlSuffix,
}

impl Pseudo {
    /// The name of the pseudo parameter in a template.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountId => "AWS::AccountId",
            Self::Partition => "AWS::Partition",
            Self::Region => "AWS::Region",
            Self::StackName => "AWS::StackName",
            Self::UrlSuffix => "AWS::URLSuffix",
        }
    }
}

/// The name in a `Ref`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefName(pub(super) Named);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    Logical(LogicalId),
    Pseudo(Pseudo),
}

/// The resource and the attribute in a `Fn::GetAtt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    pub(super) of: LogicalId,
    pub(super) name: &'static str,
}

impl RefName {
    /// The name as the template writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Named::Logical(id) => id.as_str(),
            Named::Pseudo(pseudo) => pseudo.name(),
        }
    }

    /// The pseudo parameter, or `None` if this is a logical id.
    #[must_use]
    pub const fn pseudo(&self) -> Option<Pseudo> {
        match &self.0 {
            Named::Logical(_) => None,
            Named::Pseudo(pseudo) => Some(*pseudo),
        }
    }

    /// The logical id that the template must contain, or `None` for a pseudo parameter.
    pub(super) fn needs(&self) -> Option<&LogicalId> {
        match &self.0 {
            Named::Logical(id) => Some(id),
            Named::Pseudo(_) => None,
        }
    }
}

impl Attribute {
    /// The resource that has the attribute.
    #[must_use]
    pub fn of(&self) -> &LogicalId {
        &self.of
    }

    /// The name of the attribute, such as `Arn`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl From<Pseudo> for RefName {
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
