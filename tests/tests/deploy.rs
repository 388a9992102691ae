//! `make deploy` and `make destroy`, against the local AWS.

use tests::{LocalAws, local_aws, make, text};

#[tokio::test(flavor = "multi_thread")]
async fn deploy_again_and_destroy() {
    let aws = LocalAws::start().await;
    let deploy = ["deploy", "CONFIG=examples/article.yaml", "USERS=alice bob", "EMAIL=ops@example.com"];

    let first = make(&aws, &deploy);
    assert!(first.status.success(), "{}", text(&first));
    assert!(text(&first).contains("TopicArn"), "the outputs are printed: {}", text(&first));
    let function = aws.cli(&["lambda", "get-function-configuration", "--function-name", "AccessKeyRotation"]);
    assert_eq!(function["Environment"]["Variables"]["USERS"], "alice bob");
    assert_eq!(function["Timeout"], 600, "the article's ten minutes");
    let subscriptions = aws.cli(&["sns", "list-subscriptions"]);
    assert_eq!(subscriptions["Subscriptions"][0]["Endpoint"], "ops@example.com");
    let bucket = format!("access-key-rotation-{}-{}", local_aws::ACCOUNT, local_aws::REGION);
    let blocked = aws.cli(&["s3api", "get-public-access-block", "--bucket", &bucket]);
    assert_eq!(blocked["PublicAccessBlockConfiguration"]["BlockPublicPolicy"], true);

    let again = make(&aws, &deploy);
    assert!(again.status.success(), "nothing to change is success: {}", text(&again));
    assert!(!text(&again).contains("Uploading"), "the same code is not uploaded twice: {}", text(&again));

    let destroy = make(&aws, &["destroy", "CONFIG=examples/article.yaml"]);
    assert!(destroy.status.success(), "{}", text(&destroy));
    let stacks = aws.cli(&["cloudformation", "list-stacks", "--stack-status-filter", "CREATE_COMPLETE"]);
    assert_eq!(stacks["StackSummaries"].as_array().map(Vec::len), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_cannot_be_names_its_cause() {
    let aws = LocalAws::start().await;
    let bad = make(&aws, &["deploy", "USERS=no*body"]);
    assert!(!bad.status.success() && text(&bad).contains("no*body"), "{}", text(&bad));
    let buckets = aws.cli(&["s3api", "list-buckets"]);
    assert_eq!(buckets["Buckets"].as_array().map(Vec::len), Some(0), "nothing was created");
}
