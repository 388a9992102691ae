//! The form of every Amazon Resource Name: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

/// An ARN in its parts. The Region and the account are empty if the service has none in its ARNs: IAM has no Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArnParts<'a> {
    /// The partition, a group of Regions: `aws`, `aws-cn`, `aws-us-gov` and the like.
    pub partition: &'a str,
    /// The service's namespace: `iam`, `sns`.
    pub service: &'a str,
    /// The Region; empty if the service has none in its ARNs.
    pub region: &'a str,
    /// The id of the account, twelve digits; empty if the service has none in its ARNs.
    pub account: &'a str,
    /// What the ARN names, in the form of its service. It can contain colons.
    pub resource: &'a str,
}

impl<'a> ArnParts<'a> {
    /// Splits an ARN into its parts; `None` for a text in another form or with a malformed partition, Region or
    /// account.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next();
        let ("arn", partition, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?)
        else {
            return None;
        };
        let fits = is_partition(partition)
            && !service.is_empty()
            && (region.is_empty() || is_region(region))
            && (account.is_empty() || is_account(account))
            && !resource.is_empty();
        fits.then_some(Self { partition, service, region, account, resource })
    }
}

/// Whether a text has the form of a partition: `aws`, `aws-cn`, `aws-us-gov` and their like.
#[must_use]
pub fn is_partition(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    text.split('-').next() == Some("aws") && text.split('-').all(is_word)
}

fn is_region(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Whether a text has the form of an account id: twelve digits.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_these_parts() {
        let arn = ArnParts::of("arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/lambda/f:*").unwrap();
        assert_eq!(
            (arn.partition, arn.service, arn.region, arn.account, arn.resource),
            ("aws-cn", "logs", "cn-north-1", "111122223333", "log-group:/aws/lambda/f:*")
        );
        assert_eq!(ArnParts::of("arn:aws:iam::111122223333:user/alice").map(|arn| arn.region), Some(""));
        for wrong in [
            "",
            "arn:aws:iam::111122223333",
            "arn:aws:iam::111122223333:",
            "ARN:aws:iam::111122223333:user/a",
            "arn:AWS:iam::111122223333:user/a",
            "arn:aws-:iam::111122223333:user/a",
            "arn:awscn:iam::111122223333:user/a",
            "arn:aws::eu-west-1:111122223333:user/a",
            "arn:aws:sns:EU-west-1:111122223333:t",
            "arn:aws:iam::11112222333:user/a",
            "arn:aws:iam::11112222333a:user/a",
        ] {
            assert_eq!(ArnParts::of(wrong), None, "{wrong}");
        }
    }
}
