//! Endpoints in `notify`: the pattern of the schema, and what a wrong one may mean.

use lambda::contract::endpoint::Endpoint;

use crate::config::{
    principal::PARTITION,
    setting_type::{SameAs, ValueRule, Word},
};

impl Word for Endpoint {
    fn rule() -> ValueRule {
        let (place, name) = ("[a-z0-9-]{1,32}:[0-9]{12}", "[A-Za-z0-9_-]");
        let queue = format!("arn:{PARTITION}:sqs:{place}:{name}{{1,80}}");
        let function = format!("arn:{PARTITION}:lambda:{place}:function:{name}{{1,64}}(?::{name}{{1,128}})?");
        let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
        let port = "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
        let host = format!("(?:{label}[.])+(?=[0-9-]*[A-Za-z]){label}(?::{port})?");
        let any_case =
            |text: &str| -> String { text.chars().flat_map(|c| ['[', c.to_ascii_uppercase(), c, ']']).collect() };
        let (sqs, amazonaws, com, cn) = (any_case("sqs"), any_case("amazonaws"), any_case("com"), any_case("cn"));
        let of_queue = format!("{sqs}(?:[.][^:/]*)?[.]{amazonaws}[.]{com}(?:[.]{cn})?(?:[:/]|$)");
        let url = format!("(?!.{{257}})https://(?!{of_queue}){host}(?:/[A-Za-z0-9/._~:@!$&()*+,;=?%-]*)?");
        ValueRule::pattern(&format!("(?:{queue}|{function}|{url})"))
    }

    fn guesses(text: &str) -> Vec<String> {
        // People copy the URL of a queue from the console, or write a URL without TLS.
        let queue = text.strip_prefix("https://sqs.").and_then(|rest| {
            let (host, path) = rest.split_once('/')?;
            let (account, name) = path.trim_end_matches('/').split_once('/')?;
            let region = host.split('.').next()?;
            let partition = match region {
                region if region.starts_with("cn-") => "aws-cn",
                region if region.starts_with("us-gov-") => "aws-us-gov",
                _ => "aws",
            };
            Some(format!("arn:{partition}:sqs:{region}:{account}:{name}"))
        });
        let tls = text.strip_prefix("http://").map(|rest| format!("https://{rest}"));
        queue.into_iter().chain(tls).collect()
    }
}

impl SameAs for Endpoint {
    fn same_as(&self, other: &Self) -> bool {
        same_address(self.as_str()) == same_address(other.as_str())
    }
}

/// A spelling that two texts share if they name the same endpoint. A host has no case, and 443 is the port of `https`.
fn same_address(text: &str) -> String {
    let Some(rest) = text.strip_prefix("https://") else { return text.to_owned() };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.to_ascii_lowercase();
    format!("https://{}/{path}", host.strip_suffix(":443").unwrap_or(&host))
}
