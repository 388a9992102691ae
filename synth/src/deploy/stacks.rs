//! One stack on its way to what it shall be: what changes, doing it, and following it to its end.

use std::{
    fmt, process,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lambda::model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::deploy::{
    aws::{
        AwsError,
        cloudformation::{Body, ChangeSetKind, CloudFormation, Draft, Drafted, Stack},
    },
    deploy_error::DeployError,
    interrupt::Interrupt,
    message::{Audience, Message},
    progress::{Operation, Progress},
    root_cause::RootCause,
    stack_status::StackState,
};
use crate::{
    cfn::read,
    diff::{self, Diff, change_set},
};

/// A stack as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStack {
    /// The stack's name.
    pub stack: String,
    /// Its template, as it is handed in.
    pub document: String,
    /// The same in its canonical form.
    pub template: Json,
    /// Its parameters.
    pub parameters: Vec<(&'static str, String)>,
}

/// A stack, and what is to be changed in it.
#[derive(Debug)]
pub struct Plan {
    /// What it shall be.
    pub target: TargetStack,
    /// What changes.
    pub diff: Diff,
    /// The stack as it is.
    pub found: Option<Stack>,
    /// Its template as it is.
    old: Json,
    planned: Planned,
}

/// CloudFormation's part of a plan.
#[derive(Debug)]
enum Planned {
    /// A change set that can be executed.
    Made {
        draft: Draft,
        /// The ARN of the stack, be it only the shell of one.
        stack_id: String,
        /// What it touches.
        resources: Vec<String>,
    },
    /// There is nothing to change.
    Nothing,
    /// It can be made only once something else is done.
    Later,
}

impl Plan {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.planned, Planned::Nothing)
    }

    /// Whether CloudFormation has still to be asked, which it can be only once something else is done.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.planned, Planned::Later)
    }

    fn standing(&self) -> StackState {
        StackState::of(self.found.as_ref().map(|stack| &stack.status))
    }
}

/// A change set that has not been executed.
#[derive(Debug)]
struct Pending {
    draft: Draft,
    shell: Shell,
}

/// Where the stack of a change set comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    /// The change set made it, and there is nothing in it.
    New,
    /// It was there before.
    Found,
}

/// The stacks of an account and a Region, and whoever is told of what becomes of them.
pub struct Stacks<'a> {
    cloudformation: CloudFormation,
    audience: &'a mut dyn Audience,
    interrupt: Interrupt,
    pending: Vec<Pending>,
}

impl fmt::Debug for Stacks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stacks").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl<'a> Stacks<'a> {
    /// Works on these; tells this audience.
    pub fn new(cloudformation: CloudFormation, interrupt: Interrupt, audience: &'a mut dyn Audience) -> Self {
        Self { cloudformation, audience, interrupt, pending: Vec::new() }
    }

    /// Tells the audience.
    pub fn say(&mut self, message: &Message<'_>) {
        self.audience.hear(message);
    }

    /// Tells the audience something that was found, or is being done.
    pub fn note(&mut self, note: &str) {
        self.say(&Message::Note(note));
    }

    /// A stack, if there is one, once nothing is going on in it any more.
    ///
    /// # Errors
    /// [`DeployError`] if AWS does not say, or nobody wants to wait.
    pub async fn settled(&mut self, name: &str) -> Result<Option<Stack>, DeployError> {
        loop {
            self.interrupt.check()?;
            let found = self.cloudformation.stack(name).await?;
            let Some(stack) = found.as_ref().filter(|stack| stack.status.is_in_progress()) else { return Ok(found) };
            self.note(&format!("{name} is in {}: waiting until that is over", stack.status));
            let followed = self.follow(name, &stack.id, &Operation::Last, Progress::default()).await?;
            self.note(&format!("{name} is in {}: going on", followed.stack.status));
        }
    }

    /// Finds out what is to be changed in a stack. `body` is the template as CloudFormation can get it, if it can already.
    ///
    /// # Errors
    /// [`DeployError`] if the stack cannot be changed, or CloudFormation refuses the change.
    pub async fn plan(&mut self, target: TargetStack, body: Option<&Body>) -> Result<Plan, DeployError> {
        let found = self.settled(&target.stack).await?;
        let old = match (StackState::of(found.as_ref().map(|stack| &stack.status)), &found) {
            (StackState::Stuck(remedy), Some(Stack { status, .. })) => {
                return Err(DeployError::Stuck { stack: target.stack, status: status.clone(), remedy });
            }
            (StackState::Deployed, _) => self.deployed_template(&target.stack).await?,
            _ => json!({}),
        };
        let diff = diff::compare(&old, &target.template);
        let mut plan = Plan { target, diff, found, old, planned: Planned::Later };
        if let (Some(body), StackState::Absent | StackState::Deployed) = (body, plan.standing()) {
            self.draft(&mut plan, body).await?;
        }
        Ok(plan)
    }

    async fn deployed_template(&self, stack: &str) -> Result<Json, DeployError> {
        let text = self.cloudformation.template(stack).await?;
        read::read(&text).map_err(|problem| DeployError::Unreadable { stack: stack.to_owned(), problem })
    }

    /// Has CloudFormation plan what was left open. A stack that never worked is deleted for that.
    ///
    /// # Errors
    /// [`DeployError`] if the stack cannot be deleted, or CloudFormation refuses the change.
    pub async fn close(&mut self, plan: &mut Plan, body: &Body) -> Result<(), DeployError> {
        if let (StackState::Ruined, Some(stack)) = (plan.standing(), plan.found.take()) {
            let (name, status) = (&plan.target.stack, &stack.status);
            self.note(&format!("{name} was never created ({status}): deleting what is left of it, to make it anew"));
            self.delete(name, &stack, Progress::default()).await?;
        }
        self.draft(plan, body).await
    }

    /// Deletes a stack, and follows that to its end; `progress` knows what is in it.
    ///
    /// # Errors
    /// [`DeployError`] if something of it is left.
    pub async fn delete(&mut self, name: &str, stack: &Stack, progress: Progress) -> Result<(), DeployError> {
        let token = token();
        self.cloudformation.delete_stack(&stack.id, &token).await?;
        self.follow(name, &stack.id, &Operation::Started(token), progress).await?.succeeded(name)?;
        Ok(())
    }

    async fn draft(&mut self, plan: &mut Plan, body: &Body) -> Result<(), DeployError> {
        self.interrupt.check()?;
        let draft = Draft { stack: plan.target.stack.clone(), name: token() };
        let kind = if plan.standing() == StackState::Deployed { ChangeSetKind::Update } else { ChangeSetKind::Create };
        let shell = if plan.found.is_none() { Shell::New } else { Shell::Found };
        // Before the call: it may have its effect though its answer is lost.
        self.pending.push(Pending { draft: draft.clone(), shell });
        self.cloudformation.create_change_set(&draft, kind, body, &plan.target.parameters).await?;
        let mut pace = Pace::default();
        let (set, stack_id) = loop {
            match self.cloudformation.change_set(&draft).await? {
                Drafted::NotYet => self.interrupt.sleep(pace.next()).await?,
                Drafted::Ready(set, stack_id) => break (set, stack_id),
                Drafted::Empty => {
                    plan.planned = Planned::Nothing;
                    return Ok(());
                }
                Drafted::Refused(reason) => return Err(self.refused(&draft, reason).await),
            }
        };
        plan.diff = change_set::merge(&plan.old, &plan.target.template, &set);
        let resources = set.changes.into_iter().map(|change| change.id).collect();
        plan.planned = Planned::Made { draft, stack_id, resources };
        Ok(())
    }

    async fn refused(&self, draft: &Draft, reason: String) -> DeployError {
        let stack = draft.stack.clone();
        // Whoever may not read more is left with what the change set itself says.
        let mut causes = self.cloudformation.refusals(draft).await.unwrap_or_default();
        if causes.is_empty() {
            causes.push(RootCause::new(stack.clone(), "AWS::CloudFormation::Stack".to_owned(), reason));
        }
        DeployError::Refused { stack, causes }
    }

    /// Does what was planned, and follows it to its end; answers the stack as it is then.
    ///
    /// # Errors
    /// [`DeployError`] if it did not succeed.
    pub async fn carry_out(&mut self, plan: Plan) -> Result<Option<Stack>, DeployError> {
        let Planned::Made { draft, stack_id, resources } = plan.planned else { return Ok(plan.found) };
        self.interrupt.check()?;
        let operation = Operation::Started(draft.name.clone());
        if let Err(problem) = self.cloudformation.execute(&draft).await {
            // A second attempt is refused where the first one's answer was lost. The events tell whether it began.
            let began = self.cloudformation.events(&stack_id, &operation).await.is_ok_and(|events| !events.is_empty());
            if !began {
                return Err(DeployError::NotBegun { stack: draft.stack, problem });
            }
        }
        self.pending.retain(|pending| pending.draft != draft);
        let followed = self.follow(&draft.stack, &stack_id, &operation, Progress::of(resources)).await?;
        followed.succeeded(&draft.stack).map(Some)
    }

    /// Follows an operation to its end.
    async fn follow(
        &mut self,
        name: &str,
        id: &str,
        operation: &Operation,
        mut progress: Progress,
    ) -> Result<Followed, DeployError> {
        let lost = |problem| DeployError::Lost { stack: name.to_owned(), problem };
        let mut pace = Pace::default();
        loop {
            let news = progress.learn(self.cloudformation.events(id, operation).await.map_err(lost)?);
            if !news.is_empty() {
                pace = Pace::default();
            }
            for news in &news {
                self.audience.hear(&Message::ProgressUpdate { stack: name, news });
            }
            self.audience.watch(Some(progress.summary(Timestamp::now())));
            if let Some(end) = progress.end() {
                // An event that says FAILED may be followed by a rollback; the stack knows.
                let stack = self.cloudformation.stack(id).await.map_err(lost)?;
                if let Some(stack) = stack.filter(|stack| stack.status == *end) {
                    self.audience.watch(None);
                    return Ok(Followed { stack, cause: progress.cause().map(RootCause::from).map(Box::new) });
                }
            }
            if self.interrupt.sleep(pace.next()).await.is_err() {
                self.audience.watch(None);
                return Err(DeployError::Left { stack: name.to_owned() });
            }
        }
    }

    /// Takes back each change set that was made and not executed, and each shell of a stack that was made for one.
    ///
    /// # Errors
    /// What could not be taken back, each as a sentence; it changes nothing by being there.
    pub async fn withdraw(&mut self) -> Result<(), Vec<String>> {
        let mut left = Vec::new();
        for Pending { draft, shell } in std::mem::take(&mut self.pending) {
            if let Err(problem) = self.withdraw_one(&draft, shell).await {
                let Draft { stack, name } = draft;
                left.push(format!("the change set {name} of the stack {stack} could not be deleted: {problem}"));
            }
        }
        if left.is_empty() { Ok(()) } else { Err(left) }
    }

    async fn withdraw_one(&self, draft: &Draft, shell: Shell) -> Result<(), AwsError> {
        self.cloudformation.delete_change_set(draft).await?;
        if shell == Shell::Found {
            return Ok(());
        }
        // Somebody may have found a use for it by now.
        let Some(stack) = self.cloudformation.stack(&draft.stack).await? else { return Ok(()) };
        if !stack.status.is_shell() || self.cloudformation.has_change_sets(&draft.stack).await? {
            return Ok(());
        }
        self.cloudformation.delete_stack(&stack.id, &token()).await?;
        // There is nothing in it, so it is gone in a moment; whoever looks next should find nothing.
        let mut pace = Pace::default();
        for _ in 0..20 {
            if self.cloudformation.stack(&draft.stack).await?.is_none_or(|found| found.id != stack.id) {
                break;
            }
            tokio::time::sleep(pace.next()).await;
        }
        Ok(())
    }
}

/// An operation's end.
#[derive(Debug)]
struct Followed {
    stack: Stack,
    cause: Option<Box<RootCause>>,
}

impl Followed {
    fn succeeded(self, name: &str) -> Result<Stack, DeployError> {
        let Self { stack, cause } = self;
        if stack.status.is_success() {
            return Ok(stack);
        }
        Err(DeployError::Failed { stack: name.to_owned(), status: stack.status, cause })
    }
}

/// A name that nobody else gives.
fn token() -> String {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("synth-{nanoseconds:x}-{}", process::id())
}

/// How long to wait before AWS is asked again: little where something happens, and never so little that AWS minds.
#[derive(Debug)]
struct Pace(Duration);

impl Default for Pace {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl Pace {
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(Duration::from_secs(3));
        now
    }
}
