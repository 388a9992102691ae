//! With a malformed event or environment, the handler names the field and changes no key.

use serde_json::{Value as Json, json};
use tests::{LocalAws, Stack};

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_event_or_environment_touches_no_key() {
    let aws = LocalAws::start().await;
    let stack = Stack::deploy(&aws, &crate::common::read(crate::common::ROTATION), &["alice"]);
    let refused = |event: Json, says: &str| {
        let response = stack.invoke(&aws, &event);
        let message = response["errorMessage"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains(says) && message.contains("no key was touched"), "{event}: {response}");
        let kind = if says == "ROTATE_AFTER" { "SettingError" } else { "EventError" };
        assert_eq!(response["errorType"], kind, "{event}: {response}");
    };
    refused(json!({ "usres": ["alice"] }), "usres");
    refused(json!({ "execution_id": 7 }), "integer `7`");
    refused(json!({ "execution_id": "not an id" }), "execution_id");
    refused(json!(["alice"]), "not a JSON object");
    let deployed = aws.cli(&["lambda", "get-function-configuration", "--function-name", stack.name()]);
    let mut environment = deployed["Environment"].clone();
    environment["Variables"]["ROTATE_AFTER"] = json!("often");
    let environment = environment.to_string();
    aws.cli(&[
        "lambda",
        "update-function-configuration",
        "--function-name",
        stack.name(),
        "--environment",
        &environment,
    ]);
    refused(json!({}), "ROTATE_AFTER");
    assert_eq!(aws.proxy.calls(), [], "no AWS call at all");
}
