//! Which Region `organization` can have, and which units can be in one list. Whether they exist, only AWS knows.

use serde_json::{Value as Json, json};

use crate::config::{
    organization_ids::{Region, UnitId},
    setting_type::{SettingType as _, ValueProblem},
};

/// What is wrong with the Region. StackSets with service-managed permissions do not exist in the Regions of China.
pub(super) fn wrong_region(region: &Region) -> Option<ValueProblem> {
    region.as_str().starts_with(CHINA).then(|| {
        ValueProblem::new(format!("{region} is in China, where StackSets cannot have service-managed permissions"))
            .allowed("allowed: a Region outside China, such as eu-west-1")
    })
}

/// The JSON Schema of the Region.
pub(super) fn region_schema() -> Json {
    let mut schema = Region::schema();
    schema["not"] = json!({ "pattern": format!("^{CHINA}") });
    schema
}

/// What the codes of the Regions of China begin with.
const CHINA: &str = "cn-";

/// What is wrong with the units as a list. An organization has one root, and the root has all its accounts.
pub(super) fn wrong_units(units: &[UnitId]) -> Option<ValueProblem> {
    let (first, others) = units.split_first()?;
    if units.len() > MOST_UNITS {
        let wrong =
            ValueProblem::new(format!("{} entries are more than a StackSet takes in one operation", units.len()));
        return Some(wrong.allowed(format!("allowed: {MOST_UNITS}; name a unit above them instead")));
    }
    if let Some(root) = units.iter().find(|unit| unit.is_root() && !others.is_empty()) {
        return Some(
            ValueProblem::new(format!("the root {root} has all accounts, so no other entry can be beside it"))
                .allowed(format!("remove {root}, or remove the other entries")),
        );
    }
    let other = others.iter().find(|unit| root_of(unit) != root_of(first))?;
    Some(
        ValueProblem::new(format!("{first} and {other} are below different roots, but an organization has one root"))
            .allowed("name only units of one organization: after ou-, all have the letters of its root"),
    )
}

/// The most organizational units in one operation of a StackSet (CloudFormation User Guide, "CloudFormation quotas").
const MOST_UNITS: usize = 50;

/// The JSON Schema of the units. It cannot compare their roots.
pub(super) fn units_schema() -> Json {
    let mut schema = Vec::<UnitId>::schema();
    schema["maxItems"] = MOST_UNITS.into();
    schema["anyOf"] = json!([{ "maxItems": 1 }, { "not": { "contains": { "pattern": "^r-" } } }]);
    schema
}

/// The letters of the root in the id of a unit: those between its first two hyphens.
fn root_of(unit: &UnitId) -> Option<&str> {
    unit.as_str().split('-').nth(1)
}
