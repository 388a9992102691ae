//! Deploys a release: the handler's package in the artifact bucket, and the stack that runs it.
//!
//! First the whole release is planned, without a change in the account. After the approval, if one is needed, the plan
//! is executed.

use std::collections::BTreeMap;

use lambda::model::user::UserName;

use super::{
    aws::{
        Session,
        bucket::{Bucket, Found},
        cloudformation::Body,
    },
    deploy_error::DeployError,
    message::Message,
    preview_reader::PlannedStack,
    stacks::{Plan, Stacks, TargetStack},
    subscriptions::StackTopic,
};
use crate::{
    diff::approval::{Approval, Fingerprint},
    limits, package,
    stack::artifacts,
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
    /// The name of a bucket to use instead of the artifact stack's.
    pub bucket: Option<String>,
}

/// A file for the artifact bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The key of the object, which contains the hash of its content.
    pub key: String,
    /// The bytes of the object.
    pub content: Vec<u8>,
}

/// The plan for a whole release.
#[derive(Debug)]
pub struct Deployment {
    store: Store,
    package: Object,
    /// The plan for the stack of the artifact bucket. `None` if the bucket is used as it is.
    artifacts: Option<Plan>,
    bundle: Plan,
}

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
        let Self { mut bundle, artifacts, package, bucket } = self;
        let is_ours = bucket.is_none();
        let store = Store::find(session, &bundle.stack, bucket).await?;
        let artifacts = if is_ours { store.plan(artifacts, stacks).await? } else { None };
        bundle.parameters = vec![("CodeBucket", store.bucket.name.clone()), ("CodeKey", package.key.clone())];
        let body = store.body(&bundle.document, stacks).await?;
        let bundle = stacks.plan(bundle, body.as_ref()).await?;
        Ok(Deployment { store, package, artifacts, bundle })
    }
}

impl Deployment {
    /// The plans of the stacks that change, in the order of their execution.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.artifacts.iter().chain([&self.bundle]).filter(|plan| !plan.is_empty())
    }

    /// The approvals that the deployment needs, each with the name of its stack.
    #[must_use]
    pub fn approvals(&self) -> Vec<(String, Approval)> {
        let needed = |plan: &Plan| Some((plan.target.stack.clone(), Approval::needed(&plan.diff)?));
        self.plans().filter_map(needed).collect()
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

    /// The named users that leave the rotation stack, and may be in the middle of a rotation.
    #[must_use]
    pub fn leaving(&self) -> Vec<UserName> {
        if self.bundle.is_empty() { Vec::new() } else { self.bundle.leaving() }
    }

    /// Executes the whole plan. Returns the outputs of the rotation stack.
    ///
    /// # Errors [`DeployError`] if the deployment did not succeed. [`DeployError::NotApproved`] if AWS would do more
    /// than was approved.
    pub async fn carry_out(
        self,
        approved: &[Fingerprint],
        stacks: &mut Stacks<'_>,
    ) -> Result<BTreeMap<String, String>, DeployError> {
        let Self { mut store, package, artifacts, mut bundle } = self;
        if let Some(mut plan) = artifacts.filter(|plan| !plan.is_empty()) {
            stacks.note(&format!("Making the artifact bucket {}", store.bucket.name));
            if plan.is_open() {
                let body = Body::Text(plan.target.document.clone());
                stacks.close(&mut plan, &body).await?;
            }
            stacks.carry_out(plan).await?;
            store.found = Found::Bucket;
        }
        if bundle.is_empty() {
            return Ok(bundle.found.map(|stack| stack.outputs).unwrap_or_default());
        }
        store.put(&package, "the package", stacks).await?;
        if bundle.is_open() {
            if let Some(body) = store.body(&bundle.target.document, stacks).await? {
                stacks.close(&mut bundle, &body).await?;
            }
            // CloudFormation may do more than was approved.
            if let Some(more) = Approval::needed(&bundle.diff).filter(|more| !approved.contains(&more.fingerprint)) {
                let stack = &bundle.target.stack;
                stacks.say(&Message::Plan { stack, diff: &bundle.diff, approval: Some(&more) });
                return Err(DeployError::NotApproved { stack: stack.clone(), approval: more });
            }
        }
        stacks.note(&format!("Deploying {}", bundle.target.stack));
        Ok(stacks.carry_out(bundle).await?.map(|stack| stack.outputs).unwrap_or_default())
    }
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
        let plan = stacks.plan(artifacts, Some(&body)).await?;
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
        let object = Object { key: format!("{}.yaml", package::Sha256Digest::of(&content)), content };
        self.put(&object, "the template, which is too large for a call,", stacks).await?;
        Ok(Some(Body::Url(format!("{}/{}/{}", self.address, self.bucket.name, object.key))))
    }

    async fn put(&self, object: &Object, what: &str, stacks: &mut Stacks<'_>) -> Result<(), DeployError> {
        if !self.bucket.has(&object.key).await? {
            stacks.note(&format!("Uploading {what} as {}", object.key));
            self.bucket.put(&object.key, object.content.clone()).await?;
        }
        Ok(())
    }
}
