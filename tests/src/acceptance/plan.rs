//! What a run will create, and what that costs. Pure.

use std::{collections::BTreeMap, fmt};

use lambda::report::metrics::Metric;
use serde_json::Value as Json;

use super::{
    configuration::Recipient,
    names::{self, TestUser, USER_PATH},
};

/// The hours of a month in AWS's price lists.
const HOURS_A_MONTH: u32 = 730;

/// The price lists, read in November 2026 for US East (N. Virginia). Other Regions differ a little.
const SOURCES: &str = "aws.amazon.com/secrets-manager/pricing, /kms/pricing and /cloudwatch/pricing";

/// Something that has a price a month. AWS charges a part of a month by the hour.
#[derive(Debug, PartialEq, Eq)]
struct Item {
    what: &'static str,
    count: u32,
    /// In cents of a US dollar, for one of them.
    monthly: u32,
}

/// What is created where.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) identity: String,
    pub(super) recipient: Recipient,
    /// The number of resources of each type in the template of the stack.
    types: BTreeMap<String, u32>,
}

impl Plan {
    pub(super) fn new(place: [&str; 3], recipient: &Recipient, template: &Json) -> Self {
        let mut types = BTreeMap::new();
        for resource in template["Resources"].as_object().into_iter().flat_map(|resources| resources.values()) {
            *types.entry(resource["Type"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
        let [account, region, identity] = place.map(str::to_owned);
        Self { account, region, identity, recipient: recipient.clone(), types }
    }

    fn of_type(&self, name: &str) -> u32 {
        self.types.get(name).copied().unwrap_or_default()
    }

    /// The items with a price. A user gets one secret; the handler writes each metric once.
    fn items(&self) -> Vec<Item> {
        let counted = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        vec![
            Item { what: "secrets", count: counted(TestUser::ALL.len()), monthly: 40 },
            Item { what: "KMS keys", count: self.of_type("AWS::KMS::Key"), monthly: 100 },
            Item { what: "alarms", count: self.of_type("AWS::CloudWatch::Alarm"), monthly: 10 },
            Item { what: "custom metrics", count: counted(Metric::ALL.len()), monthly: 30 },
        ]
    }

    /// The price in cents for a month in which everything is there and each hour has a run.
    fn monthly(&self) -> u32 {
        self.items().iter().map(|item| item.count * item.monthly).sum()
    }
}

/// An amount of cents as dollars, without rounding it down to nothing.
fn dollars(cents: u32) -> String {
    format!("${}.{:02}", cents / 100, cents % 100)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, region, identity, recipient, types } = self;
        let resources: u32 = types.values().sum();
        writeln!(f, "This run proves access key rotation in account {account}, Region {region}, as {identity}.")?;
        writeln!(f, "It creates, uses and deletes:")?;
        writeln!(f, "  {} IAM users with access keys, under {USER_PATH}", TestUser::ALL.len())?;
        writeln!(
            f,
            "  the stack {} with {resources} resources, and the log group {}",
            names::stack(),
            names::log_group()
        )?;
        let bucket = names::bucket(account, region);
        writeln!(f, "  the stack {} with the bucket {bucket}", names::artifact_stack())?;
        let secrets = TestUser::ALL.map(|user| user.secret().to_string()).join(" and ");
        writeln!(f, "  the secrets {secrets}")?;
        match recipient {
            Recipient::Queue => writeln!(f, "  the SQS queue {}, which gets the notices", names::queue())?,
            Recipient::Address(email) => {
                writeln!(f, "It mails {email}: links to confirm two subscriptions, and notices about the users.")?;
            }
        }
        writeln!(f, "It first deletes what an earlier run left under these names. So run it only once at a time.")?;
        writeln!(f, "Estimated cost, at list prices of November 2026 ({SOURCES}):")?;
        for Item { what, count, monthly } in self.items().iter().filter(|item| item.count > 0) {
            writeln!(f, "  {count:>2} {what:<15} {} a month each", dollars(*monthly))?;
        }
        writeln!(f, "   requests, logs and storage: less than {}", dollars(1))?;
        writeln!(f, "That is {} for each hour or part of an hour.", dollars(self.monthly().div_ceil(HOURS_A_MONTH)))?;
        write!(f, "AWS deletes the KMS key up to 30 days later; a key that waits for its deletion costs nothing.")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_plan_names_the_account_everything_that_is_created_and_the_price() {
        let resource = |kind: &str| json!({ "Type": kind });
        let template = json!({ "Resources": {
            "Key": resource("AWS::KMS::Key"),
            "One": resource("AWS::CloudWatch::Alarm"),
            "Two": resource("AWS::CloudWatch::Alarm"),
            "Queue": resource("AWS::SQS::Queue"),
        } });
        let place = ["123456789012", "eu-west-1", "arn:me"];
        let plan = Plan::new(place, &Recipient::Queue, &template);
        let metrics = u32::try_from(Metric::ALL.len()).unwrap();
        assert_eq!(plan.monthly(), 2 * 40 + 100 + 2 * 10 + metrics * 30);
        let text = plan.to_string();
        for says in [
            "account 123456789012, Region eu-west-1, as arn:me",
            "with 4 resources",
            " 2 secrets         $0.40 a month each",
            " 1 KMS keys        $1.00 a month each",
            "the SQS queue access-key-rotation-acceptance",
            "That is $0.01 for each hour or part of an hour.",
        ] {
            assert!(text.contains(says), "no {says:?} in:\n{text}");
        }
        let address = Recipient::Address("a@example.com".parse().unwrap());
        let text = Plan::new(place, &address, &json!({})).to_string();
        assert!(text.contains("It mails a@example.com") && !text.contains("KMS keys"), "{text}");
    }
}
