//! Endpoints in `notify`: the pattern of the schema, and what a wrong one may mean.

use lambda::contract::endpoint::Endpoint;
use serde_json::{Value as Json, json};

use crate::config::{
    principal::PARTITION,
    setting_type::{SameAs, SettingType, ValueProblem, ValueRule, Word, allowed_list, items},
    tree::{self, Node},
};

/// The endpoints that get every notice as JSON.
#[derive(Debug)]
pub(super) struct Endpoints(pub(super) Vec<Endpoint>);

impl SettingType for Endpoints {
    fn read(node: &Node) -> Result<Self, Vec<ValueProblem>> {
        items(node, 0).map(Self)
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": Endpoint::schema(), "uniqueItems": true })
    }

    fn allowed() -> String {
        allowed_list::<Endpoint>()
    }

    fn json(text: &str) -> Json {
        tree::parse(text).map_or(Json::Null, |node| tree::json(&node))
    }
}

impl Word for Endpoint {
    fn rule() -> ValueRule {
        let (place, name) = ("[a-z0-9-]{1,32}:[0-9]{12}", "[A-Za-z0-9_-]");
        let queue = format!("arn:{PARTITION}:sqs:{place}:{name}{{1,80}}");
        let function = format!("arn:{PARTITION}:lambda:{place}:function:{name}{{1,64}}(?::{name}{{1,128}})?");
        let label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
        let host = format!("(?:{label}[.])+(?=[0-9-]*[A-Za-z]){label}(?::[0-9]{{1,5}})?");
        let url = format!("(?!.{{257}})https://{host}(?:/[A-Za-z0-9/._~:@!$&()*+,;=?%-]*)?");
        ValueRule::pattern(&format!("(?:{queue}|{function}|{url})"))
    }

    fn guesses(text: &str) -> Vec<String> {
        // People copy the URL of a queue from the console, or write a URL without TLS.
        let queue = text.strip_prefix("https://sqs.").and_then(|rest| {
            let (host, path) = rest.split_once('/')?;
            let (account, name) = path.split_once('/')?;
            Some(format!("arn:aws:sqs:{}:{account}:{name}", host.split('.').next()?))
        });
        let tls = text.strip_prefix("http://").map(|rest| format!("https://{rest}"));
        queue.into_iter().chain(tls).collect()
    }
}

impl SameAs for Endpoint {
    fn same_as(&self, other: &Self) -> bool {
        self == other
    }
}
