//! The templates of the benchmarks. `make bench` compares them with ours exactly, but it takes a quarter of an hour, so it is
//! run seldom.

use std::fs;

use serde_json::Value as Json;
use synth::cfn::read;

use crate::common::root;

/// Each resource, action and environment variable of the default template is also in the benchmarks' programs for troposphere
/// and AWS CDK.
#[test]
fn the_benchmarks_know_each_resource_action_and_variable() {
    let file = |name: &str| fs::read_to_string(root().join(name)).expect("readable");
    let template = read::read(&file("templates/rotation.yaml")).expect("a template");
    let mut names: Vec<String> = template["Resources"].as_object().expect("resources").keys().cloned().collect();
    let function = &template["Resources"]["Function"]["Properties"]["Environment"]["Variables"];
    names.extend(function.as_object().expect("variables").keys().cloned());
    actions(&template, &mut names);
    assert!(names.iter().any(|name| name == "sns:ListSubscriptionsByTopic") && names.len() > 60, "{names:?}");
    for program in ["tests/bench/stack.py", "tests/bench/cdk/app.js"] {
        let text = file(program);
        let absent: Vec<_> = names.iter().filter(|name| !text.contains(name.as_str())).collect();
        assert!(absent.is_empty(), "{program} lacks {absent:?}; make bench would refuse it");
    }
}

/// Collects the actions of all statements.
fn actions(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::Object(object) => {
            let named = object.get("Action").and_then(Json::as_array).into_iter().flatten();
            found.extend(named.filter_map(Json::as_str).map(str::to_owned));
            object.values().for_each(|value| actions(value, found));
        }
        Json::Array(list) => list.iter().for_each(|value| actions(value, found)),
        _ => {}
    }
}
