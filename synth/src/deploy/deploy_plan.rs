//! Deploys a release: the handler's package in the artifact bucket, and the stack that runs it.
//!
//! First the whole release is planned, without a change in the account. After the approval, if one is needed, the plan
//! is executed.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{
    aws::{
        Session,
        bucket::{Bucket, Found, ObjectVersion, StoredObject},
        cloudformation::{Body, Stack},
    },
    deploy_error::DeployError,
    message::Message,
    organization_rollout,
    preview_reader::PlannedStack,
    stacks::{Plan, Stacks, TargetStack},
    subscriptions::StackTopic,
};
use crate::{
    cfn::read,
    config::Organization,
    diff::{
        Diff, MovedAccounts,
        approval::{Approval, Fingerprint},
        leaving::LeavingUsers,
        member_change::{MemberChange, MemberTemplate},
    },
    limits,
    package::Sha256Digest,
    stack::{MEMBER_PARAMETERS, MEMBER_TEMPLATE_VERSION, artifacts},
};

/// A release that is to be deployed.
#[derive(Debug, Clone)]
pub struct Release {
    /// The rotation stack. [`Release::plan`] sets its parameters, which say where the package is.
    pub bundle: TargetStack,
    /// The stack of the artifact bucket.
    pub artifacts: TargetStack,
    /// The handler's package.
    pub package: Object,
    /// Where the package is from.
    pub origin: PackageOrigin,
    /// The name of a bucket to use instead of the artifact stack's.
    pub bucket: Option<String>,
    /// What the accounts of an organization get. `None` without an organization.
    pub members: Option<MemberRelease>,
}

/// What the accounts of an organization get.
#[derive(Debug, Clone)]
pub struct MemberRelease {
    /// The member stack. If the management account is a member too, the release deploys this stack in it, because
    /// StackSets skip that account.
    pub stack: TargetStack,
    /// The same template as a file for the artifact bucket.
    pub document: Object,
    /// The accounts.
    pub organization: Organization,
}

/// A file for the artifact bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The digest of the content.
    pub digest: Sha256Digest,
    /// The ending of the key, such as `zip`.
    pub kind: &'static str,
    /// The bytes of the object.
    pub content: Vec<u8>,
}

impl Object {
    /// The key of the object: the digest of its content, and the ending.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}.{}", self.digest, self.kind)
    }
}

/// Where a package is from. It decides what an approval covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageOrigin {
    /// It can be any file. So an approval of the change covers the package too.
    AnyFile,
    /// It was built from the tree that was reviewed. So an approval of the change in the review is enough.
    ReviewedTree,
}

/// The plan for a whole release.
#[derive(Debug)]
pub struct Deployment {
    store: Store,
    package: Object,
    origin: PackageOrigin,
    /// The version of the package in the bucket. `None` if the package must be uploaded first.
    version: Option<ObjectVersion>,
    /// The plan for the stack of the artifact bucket. `None` if the bucket is used as it is.
    artifacts: Option<Plan>,
    bundle: Plan,
    members: Option<MemberDeployment>,
}

/// The plan for what the accounts of an organization get.
#[derive(Debug)]
struct MemberDeployment {
    document: Object,
    /// The version of the document in the bucket. `None` if it must be uploaded first.
    version: Option<ObjectVersion>,
    /// The plan for the member stack of the management account. `None` if that account is not a member.
    management_member: Option<Plan>,
}

/// The version in a change set that is made before the package is uploaded. It shows the change and is never executed.
const NOT_UPLOADED: &str = "not-uploaded-yet";

/// The artifact bucket and its address.
#[derive(Debug)]
struct Store {
    bucket: Bucket,
    found: Found,
    /// The address of S3 in the Region, such as `https://s3.eu-west-1.amazonaws.com`.
    address: String,
}

impl Release {
    /// Plans the whole release.
    ///
    /// # Errors
    /// [`DeployError`] if the release cannot be deployed.
    pub async fn plan(self, session: &Session, stacks: &mut Stacks<'_>) -> Result<Deployment, DeployError> {
        let Self { mut bundle, artifacts, package, origin, bucket, members } = self;
        let is_ours = bucket.is_none();
        let store = Store::find(session, &bundle.stack, bucket).await?;
        let artifacts = if is_ours { store.plan(artifacts, stacks).await? } else { None };
        let version = match store.stored(&package).await? {
            StoredObject::Same(version) => Some(version),
            StoredObject::Unconfirmed | StoredObject::Missing => None,
        };
        bundle.parameters = store.parameters(&package, version.as_ref());
        let (mut planned_members, mut member_change) = (None, None);
        if let Some(MemberRelease { stack, document, organization }) = members {
            member_change = Some(change_of_members(&bundle.stack, &stack, &organization, session, stacks).await?);
            let stored = match store.stored(&document).await? {
                StoredObject::Same(version) => Some(version),
                StoredObject::Unconfirmed | StoredObject::Missing => None,
            };
            bundle.parameters.push(member_template(stored.as_ref()));
            planned_members = Some((stack, document, stored, organization));
        }
        let body = store.body(&bundle.document, stacks).await?;
        let bundle = stacks.plan(bundle, body.as_ref(), member_change).await?;
        let mut deployment = Deployment { store, package, origin, version, artifacts, bundle, members: None };
        if let Some((stack, document, version, organization)) = planned_members {
            let is_member = session.account.parse().is_ok_and(|account| organization.has_management_member(&account));
            let management_member =
                if is_member { Some(deployment.plan_management_member(stack, stacks).await?) } else { None };
            deployment.members = Some(MemberDeployment { document, version, management_member });
        }
        Ok(deployment)
    }
}

impl Deployment {
    /// The plans of the stacks that change, in the order of their execution, each with the approval that it needs.
    pub fn plans(&self) -> impl Iterator<Item = (&Plan, Option<Approval>)> {
        let artifacts = self.artifacts.iter().map(|plan| (plan, Approval::needed(&plan.diff)));
        let bundle = (&self.bundle, self.approval(&self.bundle.diff));
        let management_member = self.members.iter().filter_map(|members| members.management_member.as_ref());
        let management_member = management_member.map(|plan| (plan, self.approval(&plan.diff)));
        artifacts.chain([bundle]).chain(management_member).filter(|(plan, _)| !plan.is_empty())
    }

    /// Plans the member stack of the management account. Its topic and its event bus are known only after the rotation
    /// stack was deployed.
    async fn plan_management_member(
        &self,
        mut stack: TargetStack,
        stacks: &mut Stacks<'_>,
    ) -> Result<Plan, DeployError> {
        let outputs = self.bundle.found.as_ref().map(|stack| &stack.outputs);
        let topic_and_bus = outputs.and_then(topic_and_bus);
        stack.parameters = self.store.parameters(&self.package, self.version.as_ref());
        let body = match topic_and_bus {
            Some(parameters) => {
                stack.parameters.extend(parameters);
                self.store.body(&stack.document, stacks).await?
            }
            None => None,
        };
        stacks.plan(stack, body.as_ref(), None).await
    }

    /// The approvals that the deployment needs, each with the name of its stack.
    #[must_use]
    pub fn approvals(&self) -> Vec<(String, Approval)> {
        self.plans().filter_map(|(plan, approval)| Some((plan.target.stack.clone(), approval?))).collect()
    }

    /// The approval that a change of the rotation stack needs.
    fn approval(&self, diff: &Diff) -> Option<Approval> {
        approval_of(diff, self.approved_package())
    }

    /// The package that an approval covers. `None` if the approval covers only the change.
    #[must_use]
    pub fn approved_package(&self) -> Option<Sha256Digest> {
        (self.origin == PackageOrigin::AnyFile).then_some(self.package.digest)
    }

    /// The outputs of the rotation stack if there is nothing to change. Otherwise `None`.
    #[must_use]
    pub fn unchanged(&self) -> Option<&BTreeMap<String, String>> {
        let found = self.bundle.found.as_ref().filter(|_| self.plans().next().is_none());
        found.map(|stack| &stack.outputs)
    }

    /// The name of the deployed function, which is that of its stack.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.bundle.target.stack
    }

    /// The rotation stack as it is planned.
    #[must_use]
    pub fn planned(&self) -> PlannedStack<'_> {
        let Plan { target, found, .. } = &self.bundle;
        let topic = found.as_ref().and_then(|stack| stack.topic(StackTopic::Notices));
        PlannedStack { name: &target.stack, template: &target.template, topic }
    }

    /// How the template of the members' stacks changes. `None` without an organization.
    #[must_use]
    pub fn member_change(&self) -> Option<&MemberChange> {
        self.bundle.member_change.as_ref()
    }

    /// The rotation stack as it is now. `None` if it does not exist.
    #[must_use]
    pub fn found(&self) -> Option<&Stack> {
        self.bundle.found.as_ref()
    }

    /// The template of the rotation stack before the deployment. `None` if the stack is not deployed.
    #[must_use]
    pub fn before(&self) -> Option<&Json> {
        self.bundle.before()
    }

    /// Whether the deployment creates the rotation stack.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.bundle.diff.is_of_new_stack()
    }

    /// The accounts that one deployment cannot move between the StackSets. `None` if no account moves.
    #[must_use]
    pub fn moved_accounts(&self) -> Option<&MovedAccounts> {
        self.bundle.diff.moved_accounts.as_ref()
    }

    /// The users that leave the rotation stack, and may be in the middle of a rotation.
    #[must_use]
    pub fn leaving(&self) -> LeavingUsers {
        if self.bundle.is_empty() { LeavingUsers::default() } else { self.bundle.leaving() }
    }

    /// Executes the whole plan. Returns the outputs of the rotation stack.
    ///
    /// # Errors
    /// [`DeployError`] if the deployment did not succeed. [`DeployError::NotApproved`] if AWS would do more than was
    /// approved.
    pub async fn carry_out(
        mut self,
        approved: &[Fingerprint],
        stacks: &mut Stacks<'_>,
    ) -> Result<BTreeMap<String, String>, DeployError> {
        if let Some(mut plan) = self.artifacts.take().filter(|plan| !plan.is_empty()) {
            stacks.note(&format!("Making the artifact bucket {}", self.store.bucket.name));
            if plan.is_open() {
                let body = Body::Text(plan.target.document.clone());
                stacks.close(&mut plan, &body).await?;
            }
            stacks.carry_out(plan).await?;
            self.store.found = Found::Bucket;
        }
        let mut outputs = self.bundle.found.as_ref().map(|stack| stack.outputs.clone()).unwrap_or_default();
        let package = self.version.clone();
        let has_work = self.plans().next().is_some();
        let version = match package {
            Some(version) => version,
            None if !has_work => return Ok(outputs),
            None => self.store.put(&self.package, "the package", stacks).await?,
        };
        // A change set that was made before an upload does not name the version.
        let mut is_open = self.version.is_none();
        let mut parameters = self.store.parameters(&self.package, Some(&version));
        let mut management_member = None;
        if let Some(members) = self.members.take() {
            is_open |= members.version.is_none();
            let stored = match members.version {
                Some(version) => version,
                None => self.store.put(&members.document, "the template of the members", stacks).await?,
            };
            parameters.push(member_template(Some(&stored)));
            management_member = members.management_member;
        }
        if !self.bundle.is_empty() {
            let mut bundle = self.bundle;
            bundle.target.parameters = parameters;
            let context = Context { store: &self.store, origin: self.origin, package: self.package.digest, approved };
            context.close(&mut bundle, is_open, stacks).await?;
            stacks.note(&format!("Deploying {}", bundle.target.stack));
            outputs = stacks.carry_out(bundle).await?.map(|stack| stack.outputs).unwrap_or_default();
        }
        if let Some(mut plan) = management_member.filter(|plan| !plan.is_empty()) {
            let context = Context { store: &self.store, origin: self.origin, package: self.package.digest, approved };
            plan.target.parameters = self.store.parameters(&self.package, Some(&version));
            plan.target.parameters.extend(topic_and_bus(&outputs).into_iter().flatten());
            context.close(&mut plan, is_open, stacks).await?;
            stacks.note(&format!("Deploying {}", plan.target.stack));
            stacks.carry_out(plan).await?;
        }
        Ok(outputs)
    }
}

/// What a change set that is made after an approval is compared with.
struct Context<'a> {
    store: &'a Store,
    origin: PackageOrigin,
    package: Sha256Digest,
    approved: &'a [Fingerprint],
}

impl Context<'_> {
    /// Makes the change set of a plan again if it is open, or if its parameters have changed since.
    async fn close(&self, plan: &mut Plan, has_changed: bool, stacks: &mut Stacks<'_>) -> Result<(), DeployError> {
        if !has_changed && !plan.is_open() {
            return Ok(());
        }
        if let Some(body) = self.store.body(&plan.target.document, stacks).await? {
            stacks.close(plan, &body).await?;
        }
        // CloudFormation may do more than was approved.
        let package = (self.origin == PackageOrigin::AnyFile).then_some(self.package);
        let more = approval_of(&plan.diff, package).filter(|more| !self.approved.contains(&more.fingerprint));
        let Some(more) = more else { return Ok(()) };
        let (stack, diff) = (&plan.target.stack, &plan.diff);
        stacks.say(&Message::Plan { stack, diff, approval: Some(&more), next_run: None });
        Err(DeployError::NotApproved { stack: stack.clone(), approval: more, package })
    }
}

/// The approval that a change of a stack with the handler needs.
fn approval_of(diff: &Diff, package: Option<Sha256Digest>) -> Option<Approval> {
    let approval = Approval::needed(diff)?;
    Some(match package {
        Some(package) => approval.with_package(&package.to_string()),
        None => approval,
    })
}

/// The change of the members' template, from the deployed one to that of `member`. `name` is the name of the rotation
/// stack.
async fn change_of_members(
    name: &str,
    member: &TargetStack,
    organization: &Organization,
    session: &Session,
    stacks: &mut Stacks<'_>,
) -> Result<MemberChange, DeployError> {
    let mut old = None;
    if let Some(found) = stacks.settled(name).await?
        && let Some(text) = organization_rollout::member_template(session, &found, organization.administrator).await?
    {
        let unreadable = |problem| DeployError::Unreadable { stack: format!("{name} (StackSet)"), problem };
        old = Some(MemberTemplate::of(read::read(&text).map_err(unreadable)?, &text));
    }
    Ok(MemberChange::between(old, MemberTemplate::of(member.template.clone(), &member.document)))
}

/// The parameter with the version of the members' template.
fn member_template(version: Option<&ObjectVersion>) -> (&'static str, String) {
    (MEMBER_TEMPLATE_VERSION, version.map_or(NOT_UPLOADED, ObjectVersion::as_str).to_owned())
}

/// The topic and the event bus of the rotation stack, as parameters of a member's stack. `None` if it is not deployed yet.
fn topic_and_bus(outputs: &BTreeMap<String, String>) -> Option<[(&'static str, String); 2]> {
    let output = |name: &'static str| Some((name, outputs.get(name)?.clone()));
    Some([output(MEMBER_PARAMETERS.topic_arn)?, output(MEMBER_PARAMETERS.event_bus_arn)?])
}

impl Store {
    async fn find(session: &Session, stack: &str, name: Option<String>) -> Result<Self, DeployError> {
        let bucket = match name.clone() {
            Some(name) => Bucket::named(session, name),
            None => Bucket::of_account(session, artifacts::bucket_name(stack, &session.account, &session.region)),
        };
        let found = bucket.find().await?;
        if let Found::Elsewhere(region) = found {
            return Err(DeployError::BucketElsewhere { bucket: bucket.name, region });
        }
        if found == Found::Nothing && name.is_some() {
            return Err(DeployError::NoBucket(bucket.name));
        }
        let address = session.s3_address().await?;
        Ok(Self { bucket, found, address })
    }

    /// Plans the stack of our own artifact bucket. A bucket that exists without its stack is used as it is: the stack
    /// was deleted and the bucket stayed.
    async fn plan(&self, artifacts: TargetStack, stacks: &mut Stacks<'_>) -> Result<Option<Plan>, DeployError> {
        let stack = stacks.settled(&artifacts.stack).await?.filter(|stack| !stack.status.is_shell());
        if self.found == Found::Bucket && stack.is_none() {
            return Ok(None);
        }
        let body = Body::Text(artifacts.document.clone());
        let plan = stacks.plan(artifacts, Some(&body), None).await?;
        if self.found == Found::Nothing && plan.is_empty() {
            return Err(DeployError::LostBucket { bucket: self.bucket.name.clone(), stack: plan.target.stack });
        }
        Ok(Some(plan))
    }

    /// The template in a form that CloudFormation can get. `None` if it is too large for a call and the bucket does not
    /// exist yet.
    async fn body(&self, document: &str, stacks: &mut Stacks<'_>) -> Result<Option<Body>, DeployError> {
        if document.len() <= limits::INLINE {
            return Ok(Some(Body::Text(document.to_owned())));
        }
        if self.found != Found::Bucket {
            return Ok(None);
        }
        let content = document.as_bytes().to_vec();
        let object = Object { digest: Sha256Digest::of(&content), kind: "yaml", content };
        let version = self.put(&object, "the template, which is too large for a call,", stacks).await?;
        let (bucket, key, version) = (&self.bucket.name, object.key(), version.as_str());
        Ok(Some(Body::Url(format!("{}/{bucket}/{key}?versionId={version}", self.address))))
    }

    /// The parameters that say where the package is. Lambda takes exactly this version.
    fn parameters(&self, package: &Object, version: Option<&ObjectVersion>) -> Vec<(&'static str, String)> {
        let version = version.map_or(NOT_UPLOADED, ObjectVersion::as_str).to_owned();
        let names = MEMBER_PARAMETERS;
        vec![
            (names.code_bucket, self.bucket.name.clone()),
            (names.code_key, package.key()),
            (names.code_version, version),
        ]
    }

    /// What the bucket has under the key of the object. Without a bucket, nothing.
    async fn stored(&self, object: &Object) -> Result<StoredObject, DeployError> {
        if self.found != Found::Bucket {
            return Ok(StoredObject::Missing);
        }
        Ok(self.bucket.stored(&object.key(), object.digest).await?)
    }

    /// Uploads an object unless the bucket has it. Returns its version.
    async fn put(&self, object: &Object, what: &str, stacks: &mut Stacks<'_>) -> Result<ObjectVersion, DeployError> {
        let (bucket, key) = (&self.bucket.name, object.key());
        match self.stored(object).await? {
            StoredObject::Same(version) => return Ok(version),
            StoredObject::Unconfirmed => stacks.note(&format!(
                "warning: S3 does not confirm by its SHA-256 that {key} in the bucket {bucket} is {what}: it has other bytes, \
                 no SHA-256 or no version. It is not used."
            )),
            StoredObject::Missing => {}
        }
        stacks.note(&format!("Uploading {what} as {key}"));
        let version = self.bucket.put(&key, object.digest, object.content.clone()).await?;
        version.ok_or_else(|| DeployError::NoVersions(bucket.clone()))
    }
}
