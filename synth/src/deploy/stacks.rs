//! Deploys one stack: plans the change, executes it and follows it to its end.

use std::{
    fmt, process,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lambda::model::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::deploy::{
    administrator,
    aws::{
        AwsError,
        cloudformation::{Body, ChangeSetKind, CloudFormation, Draft, Drafted, Stack},
    },
    command_line::make,
    deploy_error::DeployError,
    interrupt::Interrupt,
    member_watch::MemberWatch,
    message::{Message, MessageSink},
    organization_progress::Rollout,
    progress::{Operation, Progress},
    root_cause::RootCause,
    stack_status::StackState,
};
use crate::{
    cfn::read,
    config::Administrator,
    diff::{self, Diff, change_set, leaving::LeavingUsers, member_change::MemberChange},
};

/// The intended state of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStack {
    /// The name of the stack.
    pub stack: String,
    /// The template, exactly as it is submitted.
    pub document: String,
    /// The same template in its canonical form.
    pub template: Json,
    /// The parameters of the stack: name and value.
    pub parameters: Vec<(&'static str, String)>,
}

/// The planned change of a stack.
#[derive(Debug)]
pub struct Plan {
    /// The intended state of the stack.
    pub target: TargetStack,
    /// The change, as far as it is known so far.
    pub diff: Diff,
    /// The change of the members' template that the stack names. `None` if it names none.
    pub member_change: Option<MemberChange>,
    /// The stack as it is now. `None` if it does not exist.
    pub found: Option<Stack>,
    /// The deployed template in its canonical form. An empty object if there is none.
    old: Json,
    planned: Planned,
}

/// The part of a plan that CloudFormation makes.
#[derive(Debug)]
enum Planned {
    /// A change set that can be executed.
    Made {
        draft: Draft,
        /// The ARN of the stack, which may be empty.
        stack_id: String,
        /// The logical ids of the resources that change.
        resources: Vec<String>,
    },
    /// There is nothing to change.
    Nothing,
    /// The change set can be created only after another step.
    Later,
}

impl Plan {
    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.planned, Planned::Nothing)
    }

    /// Whether the change set is still missing, because it can be created only after another step.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.planned, Planned::Later)
    }

    /// The users that leave the stack with this change. None if no such stack is deployed.
    #[must_use]
    pub fn leaving(&self) -> LeavingUsers {
        match self.stack_state() {
            StackState::Deployed => LeavingUsers::of(&self.old, &self.target.template),
            _ => LeavingUsers::default(),
        }
    }

    /// The template of the stack before the change. `None` if the stack is not deployed.
    #[must_use]
    pub fn before(&self) -> Option<&Json> {
        (self.stack_state() == StackState::Deployed).then_some(&self.old)
    }

    fn stack_state(&self) -> StackState {
        StackState::of(self.found.as_ref().map(|stack| &stack.status))
    }
}

/// A change set that has not been executed.
#[derive(Debug)]
struct Pending {
    draft: Draft,
    shell: Shell,
}

/// The origin of the stack that a change set belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shell {
    /// The change set created the stack, which is empty.
    New,
    /// The stack existed before.
    Found,
}

/// The stacks of an account and a Region, and the audience that gets messages about them.
pub struct Stacks<'a> {
    cloudformation: CloudFormation,
    sink: &'a mut dyn MessageSink,
    interrupt: Interrupt,
    pending: Vec<Pending>,
    /// How this account administers the StackSet of the stack that is being changed, if it has one.
    administrator: Option<Administrator>,
}

impl fmt::Debug for Stacks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stacks").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl<'a> Stacks<'a> {
    /// Makes the stacks of this account and Region. Messages go to this audience.
    pub fn new(cloudformation: CloudFormation, interrupt: Interrupt, sink: &'a mut dyn MessageSink) -> Self {
        Self { cloudformation, sink, interrupt, pending: Vec::new(), administrator: None }
    }

    /// Sends a message to the audience.
    pub fn say(&mut self, message: &Message<'_>) {
        self.sink.show(message);
    }

    /// Shows the progress in one line, until the next call. `None` removes the line.
    pub fn watch(&mut self, now: Option<String>) {
        self.sink.watch(now);
    }

    /// Sends a note to the audience: what was found, or what is done now.
    pub fn note(&mut self, note: &str) {
        self.say(&Message::Note(note));
    }

    /// Waits until no operation on the stack is in progress, and returns it. `None` if it does not exist.
    ///
    /// # Errors
    /// [`DeployError`] if the stack cannot be read, or if the user stops waiting.
    pub async fn settled(&mut self, name: &str) -> Result<Option<Stack>, DeployError> {
        loop {
            self.interrupt.check()?;
            let found = self.cloudformation.stack(name).await?;
            let Some(stack) = found.as_ref().filter(|stack| stack.status.is_in_progress()) else { return Ok(found) };
            self.note(&format!("{name} is in {}: waiting until that is over", stack.status));
            let followed = self.follow(name, &stack.id, &Operation::Last, Progress::default()).await?;
            self.note(&format!("{name} is in {}: continuing", followed.stack.status));
        }
    }

    /// Plans the change of a stack. `body` is the template in a form that CloudFormation can get, or `None` if that is
    /// not possible yet. `member_change` is the change of the members' template that the stack names.
    ///
    /// # Errors
    /// [`DeployError`] if the stack cannot be changed, or CloudFormation refuses the change.
    pub async fn plan(
        &mut self,
        target: TargetStack,
        body: Option<&Body>,
        member_change: Option<MemberChange>,
    ) -> Result<Plan, DeployError> {
        let found = self.settled(&target.stack).await?;
        let old = match (StackState::of(found.as_ref().map(|stack| &stack.status)), &found) {
            (StackState::Stuck(remedy), Some(Stack { status, .. })) => {
                return Err(DeployError::Stuck { stack: target.stack, status: status.clone(), remedy });
            }
            (StackState::Deployed, _) => self.deployed_template(&target.stack).await?,
            _ => json!({}),
        };
        let diff = diff::compare_with_members(&old, &target.template, member_change.as_ref());
        let mut plan = Plan { target, diff, member_change, found, old, planned: Planned::Later };
        if let (Some(body), StackState::Absent | StackState::Deployed) = (body, plan.stack_state()) {
            self.draft(&mut plan, body).await?;
        }
        Ok(plan)
    }

    async fn deployed_template(&self, stack: &str) -> Result<Json, DeployError> {
        let text = self.cloudformation.template(stack).await?;
        read::read(&text).map_err(|problem| DeployError::Unreadable { stack: stack.to_owned(), problem })
    }

    /// Creates the change set that was still missing, or that had other parameters. If the creation of the stack had failed,
    /// the stack is deleted first.
    ///
    /// # Errors
    /// [`DeployError`] if the stack cannot be deleted, or CloudFormation refuses the change.
    pub async fn close(&mut self, plan: &mut Plan, body: &Body) -> Result<(), DeployError> {
        if plan.stack_state() == StackState::Ruined
            && let Some(stack) = plan.found.take()
        {
            let (name, status) = (&plan.target.stack, &stack.status);
            self.note(&format!("{name} was never created ({status}): deleting what is left of it, to create it again"));
            self.delete(name, &stack, Progress::default()).await?;
        }
        self.draft(plan, body).await
    }

    /// Deletes a stack and follows the deletion to its end. `progress` knows the resources of the stack.
    ///
    /// # Errors
    /// [`DeployError`] if the deletion did not succeed.
    pub async fn delete(&mut self, name: &str, stack: &Stack, progress: Progress) -> Result<(), DeployError> {
        let token = token();
        self.cloudformation.delete_stack(&stack.id, &token).await?;
        self.follow(name, &stack.id, &Operation::Started(token), progress).await?.succeeded(name)?;
        Ok(())
    }

    async fn draft(&mut self, plan: &mut Plan, body: &Body) -> Result<(), DeployError> {
        self.interrupt.check()?;
        let draft = Draft { stack: plan.target.stack.clone(), name: token() };
        let kind =
            if plan.stack_state() == StackState::Deployed { ChangeSetKind::Update } else { ChangeSetKind::Create };
        let shell = if plan.found.is_none() { Shell::New } else { Shell::Found };
        // Before the call, because it may take effect even if its response is lost.
        self.pending.push(Pending { draft: draft.clone(), shell });
        self.cloudformation.create_change_set(&draft, kind, body, &plan.target.parameters).await?;
        let mut pace = PollInterval::default();
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
        plan.diff = change_set::merge(&plan.old, &plan.target.template, &set, plan.member_change.as_ref());
        let resources = set.changes.into_iter().map(|change| change.id).collect();
        plan.planned = Planned::Made { draft, stack_id, resources };
        Ok(())
    }

    async fn refused(&self, draft: &Draft, reason: String) -> DeployError {
        let stack = draft.stack.clone();
        // Without the permission to read the reasons, only the change set's own reason is known.
        let mut causes = self.cloudformation.refusals(draft).await.unwrap_or_default();
        if causes.is_empty() {
            causes.push(RootCause::new(stack.clone(), "AWS::CloudFormation::Stack".to_owned(), reason));
        }
        DeployError::Refused { stack, causes }
    }

    /// Executes a plan and follows it to its end. Returns the stack in its new state.
    ///
    /// # Errors
    /// [`DeployError`] if the change did not succeed.
    pub async fn carry_out(&mut self, plan: Plan) -> Result<Option<Stack>, DeployError> {
        let Planned::Made { draft, stack_id, resources } = plan.planned else { return Ok(plan.found) };
        self.administrator = administrator::of_template(&plan.target.template);
        self.interrupt.check()?;
        let operation = Operation::Started(draft.name.clone());
        if let Err(problem) = self.cloudformation.execute(&draft).await {
            // If the response to the first attempt was lost, a retry is refused. The events show whether the execution
            // started.
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
        let (mut pace, mut members) = (PollInterval::default(), None);
        let began = Timestamp::now();
        loop {
            let news = progress.learn(self.cloudformation.events(id, operation).await.map_err(lost)?);
            if !news.is_empty() {
                pace = PollInterval::default();
            }
            for news in &news {
                self.sink.show(&Message::ProgressUpdate { stack: name, news });
            }
            let accounts = self.poll_members(&progress, &mut members, began).await;
            let summary = progress.summary(Timestamp::now());
            self.sink.watch(Some(accounts.map_or(summary.clone(), |accounts| format!("{summary}; {accounts}"))));
            if let Some(end) = progress.end() {
                // A rollback may follow an event with FAILED. So the status of the stack decides.
                let stack = self.cloudformation.stack(id).await.map_err(lost)?;
                if let Some(stack) = stack.filter(|stack| stack.status == *end) {
                    self.sink.watch(None);
                    self.say_which_members_failed(members.as_mut().map(|(_, watch)| watch)).await;
                    return Ok(Followed { stack, cause: progress.cause().map(RootCause::from).map(Box::new) });
                }
            }
            if self.interrupt.sleep(pace.next()).await.is_err() {
                self.sink.watch(None);
                return Err(DeployError::Left { stack: name.to_owned() });
            }
        }
    }

    /// Shows what is new in the accounts of the StackSet that the operation changes. Returns their progress in one line. A poll
    /// that fails does not end the deployment.
    async fn poll_members(
        &mut self,
        progress: &Progress,
        members: &mut Option<(String, MemberWatch)>,
        began: Timestamp,
    ) -> Option<String> {
        let (administrator, set) = (self.administrator?, progress.stack_set()?);
        // The StackSets of a stack change one after the other.
        if members.as_ref().is_none_or(|(name, _)| name != set) {
            let watch = MemberWatch::of(self.cloudformation.stack_set(set, administrator), began);
            *members = Some((set.to_owned(), watch));
        }
        let (_, watch) = members.as_mut()?;
        for update in watch.poll_if_due().await.unwrap_or_default() {
            self.sink.show(&Message::Members(&update));
        }
        watch.summary()
    }

    /// Says how the last operation of the StackSet ended, if it did not reach every account.
    async fn say_which_members_failed(&mut self, members: Option<&mut MemberWatch>) {
        let Some(watch) = members else { return };
        for update in watch.poll().await.unwrap_or_default() {
            self.sink.show(&Message::Members(&update));
        }
        if let Some(outcome) = watch.last_outcome().filter(|outcome| !outcome.is_complete()) {
            self.sink.show(&Message::Note(outcome.text(Rollout::Deployment, &make("deploy")).trim_end()));
        }
    }

    /// Deletes each change set that was created and not executed, and each empty stack that was created for one.
    ///
    /// # Errors
    /// One sentence for each change set that could not be deleted. Such a change set has no effect on its stack.
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
        // The stack may be in use by now.
        let Some(stack) = self.cloudformation.stack(&draft.stack).await? else { return Ok(()) };
        if !stack.status.is_shell() || self.cloudformation.has_change_sets(&draft.stack).await? {
            return Ok(());
        }
        self.cloudformation.delete_stack(&stack.id, &token()).await?;
        // The stack is empty, so its deletion takes only a moment. Wait, so that the next command does not find it.
        let mut pace = PollInterval::default();
        for _ in 0..20 {
            if self.cloudformation.stack(&draft.stack).await?.is_none_or(|found| found.id != stack.id) {
                break;
            }
            tokio::time::sleep(pace.next()).await;
        }
        Ok(())
    }
}

/// The end of an operation.
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

/// A new unique name for a change set or an operation.
fn token() -> String {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("synth-{nanoseconds:x}-{}", process::id())
}

/// The time to wait before the next call to AWS. It starts at 100 ms and doubles up to 3 s, which avoids throttling.
/// After news it starts again.
#[derive(Debug)]
pub(super) struct PollInterval(Duration);

impl Default for PollInterval {
    fn default() -> Self {
        Self(Duration::from_millis(100))
    }
}

impl PollInterval {
    pub(super) fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(Duration::from_secs(3));
        now
    }
}
