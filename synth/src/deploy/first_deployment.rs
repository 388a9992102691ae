//! The screen before a first deployment: the users, the first run, the role, the confirmations and the cost. Pure.

use std::{cmp::Reverse, collections::BTreeMap};

use lambda::{
    contract::{
        endpoint::EndpointKind,
        selector::{UserSelector, UserTag},
        settings::{SettingError, Settings},
        user_entry::{TAGS, UserEntry},
        user_tags::UserTags,
    },
    model::{email::Email, time::Span},
    protocol::policy::{DeleteAfter, Delivery, MaxWait, StillInUse, UnconfirmedRecipients},
};
use serde_json::{Value as Json, json};

use crate::{
    deploy::{
        deployed_template,
        monthly_cost::MonthlyCost,
        rotation_plan::RotationPlan,
        run_preview::RunPreview,
        subscriptions::{DeclaredSubscription, StackTopic},
        user_outlook::{OutlookKind, UserOutlook},
    },
    screen::{Verbosity, counted, printable, shortened, table, wrapped},
    stack::planned_handler::{PlannedHandler, schedule},
};

/// The most lines of a table on the screen.
const ROWS: usize = 8;
/// The most addresses, paths or tags in a sentence.
const NAMED: usize = 4;

/// A deployment that creates the rotation stack.
#[derive(Debug, Clone, PartialEq)]
pub struct FirstDeployment<'a> {
    /// The name of the stack.
    stack: &'a str,
    /// What the function will read from its environment.
    settings: Settings,
    /// Whether the schedule is a `rate(…)`, which starts the first run at once.
    is_periodic: bool,
    /// What the first run would do. `None` if the deployer may not read that.
    preview: Option<&'a RunPreview>,
    /// The mails from AWS with a link to confirm.
    mails: Vec<DeclaredSubscription>,
    cost: MonthlyCost,
}

impl<'a> FirstDeployment<'a> {
    /// Reads the deployment from the template.
    ///
    /// # Errors
    /// [`SettingError`] if the handler would not read the settings of the template.
    pub fn of(stack: &'a str, template: &'a Json, preview: Option<&'a RunPreview>) -> Result<Self, SettingError> {
        // The topic has no ARN yet, and nothing here depends on it.
        let settings = PlannedHandler::read(template, "arn:aws:sns:us-east-1:000000000000:none")?.settings;
        let is_fixed = settings.exempt.is_empty() && settings.users.iter().all(is_named);
        let users = if is_fixed { Some(settings.users.len()) } else { preview.map(|preview| preview.selected) };
        let subscriptions = StackTopic::ALL.into_iter().flat_map(|t| deployed_template::subscriptions(template, t));
        Ok(Self {
            stack,
            is_periodic: schedule(template).is_some_and(|schedule| schedule.period().is_some()),
            preview,
            mails: subscriptions.filter(DeclaredSubscription::is_mail).collect(),
            cost: MonthlyCost::of(template, settings.policy.delivery, users),
            settings,
        })
    }

    /// The deployment as JSON for programs.
    #[must_use]
    pub fn json(&self) -> Json {
        let mails = self.mails.iter().map(|mail| json!({ "address": mail.address, "topic": mail.topic.as_str() }));
        json!({ "stack": self.stack, "toConfirm": mails.collect::<Json>(), "monthlyCost": self.cost.json() })
    }

    /// The screen. `options` says how to see everything, and how to begin with the user that it gets.
    #[must_use]
    pub fn text(&self, detail: Verbosity, options: impl Fn(Option<&str>) -> String) -> String {
        let all = detail == Verbosity::Full;
        let (problems, others) = self.outlooks();
        let mut out: String =
            problems.iter().map(|user| wrapped("! ", &printable(&format!("{}: {}", user.user, user.text)))).collect();
        out += &format!("\n{}", self.users(all));
        out += &wrapped("", &self.lives());
        out += &wrapped("", &format!("New keys: {}", self.delivery()));
        out.push('\n');
        if self.preview.is_some() {
            out += &self.first_run(&others, problems.len(), all);
            out.push('\n');
        }
        out += &wrapped("", &self.role());
        out += &wrapped("", &self.to_confirm(all));
        out += &self.endpoints();
        out += &wrapped("", &self.cost.text());
        let one = self.one_user().filter(|_| self.settings.users.len() > 1);
        out + &format!("\n{}\n", options(one.as_deref()))
    }

    /// The outlooks of the users with a problem, and those of the others, the most important first.
    fn outlooks(&self) -> (Vec<&UserOutlook>, Vec<&UserOutlook>) {
        let mut users: Vec<_> = self.preview.iter().flat_map(|preview| &preview.users).collect();
        users.sort_by_key(|user| user.kind);
        users.into_iter().partition(|user| user.kind == OutlookKind::Problem)
    }

    /// A user to begin with: the last one that an entry names and that the first run has no problem with. A user that gets no
    /// change is preferred.
    fn one_user(&self) -> Option<String> {
        let named = |entry: &UserEntry| match &entry.selector {
            UserSelector::User(user) => Some((user.name.to_string(), entry.selector.to_string())),
            _ => None,
        };
        let outlook = |name: &str| {
            self.preview.iter().flat_map(|preview| &preview.users).find(|user| user.user.eq_ignore_ascii_case(name))
        };
        let named = self.settings.users.iter().rev().filter_map(named);
        let kinds = named.map(|(name, selector)| (outlook(&name).map(|user| user.kind), selector));
        let usable: Vec<_> = kinds.filter(|(kind, _)| *kind != Some(OutlookKind::Problem)).collect();
        let is_quiet = |kind: &Option<OutlookKind>| !kind.is_some_and(OutlookKind::changes_keys);
        let quiet = usable.iter().find(|(kind, _)| is_quiet(kind)).or(usable.first());
        quiet.map(|(_, selector)| selector.clone())
    }

    /// The table of the configured users. Many entries are counted, by their times and owners.
    fn users(&self, all: bool) -> String {
        let entries = &self.settings.users;
        let row = |entry: &UserEntry| {
            let rotate_after = entry.overrides.rotate_after.unwrap_or(self.settings.policy.rotate_after);
            (rotate_after, self.owner(entry))
        };
        let mut rows: Vec<(String, Span, String)> = Vec::new();
        if all || entries.len() <= ROWS {
            rows.extend(entries.iter().map(|entry| {
                let (rotate_after, owner) = row(entry);
                (selected(&entry.selector), rotate_after, owner)
            }));
        } else {
            let mut groups: BTreeMap<(Span, String), Vec<String>> = BTreeMap::new();
            for entry in entries {
                groups.entry(row(entry)).or_default().push(selected(&entry.selector));
            }
            let mut groups: Vec<_> = groups.into_iter().collect();
            groups.sort_by_key(|(_, users)| Reverse(users.len()));
            rows.extend(groups.into_iter().map(|((rotate_after, owner), users)| {
                let name = if users.len() == 1 { users[0].clone() } else { shortened(&users, 1) };
                (name, rotate_after, owner)
            }));
        }
        let more = if all { 0 } else { rows.len().saturating_sub(ROWS) };
        rows.truncate(rows.len() - more);
        let cells = rows.iter().map(|(users, after, owner)| [users.clone(), after.to_string(), owner.clone()]);
        let cells: Vec<_> = [["USER", "NEW KEY AT", "OWNER"].map(str::to_owned)].into_iter().chain(cells).collect();
        let mut out = table(&cells);
        if more > 0 {
            out += &format!("… and {} with other times or owners\n", counted(more, "group"));
        }
        let is_fixed = self.settings.exempt.is_empty() && entries.iter().all(is_named);
        if let Some(preview) = self.preview.filter(|_| !is_fixed || entries.len() > ROWS) {
            out += &format!("Today these are {}.\n", counted(preview.selected, "user"));
        }
        let exempt: Vec<_> = self.settings.exempt.iter().map(selected).collect();
        if !exempt.is_empty() {
            let most = if all { exempt.len() } else { NAMED };
            out += &wrapped("", &format!("Exempt: {}", shortened(&exempt, most)));
        }
        out
    }

    /// The owner of the users of an entry, and who is notified instead.
    fn owner(&self, UserEntry { selector, overrides, .. }: &UserEntry) -> String {
        // The entry that names a user wins over its tags.
        let [tag, ..] = TAGS;
        let by_tag = self.settings.user_tags == UserTags::Honoured
            && (overrides.owner.is_none() || !matches!(selector, UserSelector::User(_)));
        let administrators = self.administrators();
        match (&overrides.owner, by_tag) {
            (Some(owner), false) => owner.to_string(),
            (Some(owner), true) => format!("by the tag {tag}, else {owner}"),
            (None, true) => format!("by the tag {tag}, else {administrators} is notified"),
            (None, false) => match self.settings.administrators.as_slice() {
                [_] => format!("none: {administrators} is notified"),
                _ => format!("none: {administrators} are notified"),
            },
        }
    }

    fn administrators(&self) -> String {
        shortened(&self.settings.administrators.iter().map(Email::to_string).collect::<Vec<_>>(), 1)
    }

    /// How long old keys live.
    fn lives(&self) -> String {
        let policy = &self.settings.policy;
        let own = self.settings.users.iter().filter_map(|entry| entry.overrides.overlap).collect::<Vec<_>>();
        let range = match (own.iter().min(), own.iter().max()) {
            (Some(least), Some(most)) if least == most => format!(" (some users: {least})"),
            (Some(least), Some(most)) => format!(" (some users: {least} to {most})"),
            _ => String::new(),
        };
        let overlap = if policy.overlap == Span::ZERO {
            format!("Old keys are deactivated as soon as the new key is delivered{range}")
        } else {
            let use_ = match (policy.still_in_use, policy.wait_at_most) {
                (StillInUse::Retire, _) => ", even if they are in use".to_owned(),
                (StillInUse::Wait, MaxWait::Forever) => ", and while they are in use".to_owned(),
                (StillInUse::Wait, MaxWait::AtMost(most)) => format!(", and at most {most} more while they are in use"),
            };
            format!("Old keys stay active {} longer{range}{use_}", policy.overlap)
        };
        let deleted = match policy.delete_after {
            DeleteAfter::NextRotation => "deleted in the next rotation".to_owned(),
            DeleteAfter::Window(window) => format!("deleted {window} after deactivation"),
        };
        format!("{overlap}; {deleted}.")
    }

    fn delivery(&self) -> String {
        let reader = format!("to the owner, or without one to {}", self.administrators());
        match self.settings.policy.delivery {
            Delivery::SecretsManager => format!("Secrets Manager, {}", self.secret_name()),
            Delivery::Email => format!("by mail in plain text, {reader}"),
            Delivery::EmailEncrypted => format!("by mail, encrypted to the keys in encrypt_to, {reader}"),
        }
    }

    fn secret_name(&self) -> String {
        format!("{}/NAME", self.settings.secret_prefix)
    }

    /// What the first run would do, one line a user.
    fn first_run(&self, users: &[&UserOutlook], problems: usize, all: bool) -> String {
        let changes = users.iter().filter(|user| user.kind.changes_keys()).count();
        let what = match changes {
            0 => "change no key".to_owned(),
            users => format!("change the keys of {}", counted(users, "user")),
        };
        let when = match self.settings.policy.unconfirmed_recipients {
            UnconfirmedRecipients::Hold if !self.has_confirmed_endpoint() => "The first run after the confirmations",
            _ if self.is_periodic => "The first run, right after the deployment,",
            _ => "The first run",
        };
        let shown = if all { users.len() } else { users.len().min(ROWS) };
        let colon = if shown > 0 { ":" } else { "" };
        let mut out = wrapped("", &format!("{when} would {what}{colon}"));
        let rows =
            users[..shown].iter().map(|user| [format!("  {} {}", user.kind.sign(), user.user), user.text.clone()]);
        out += &table(&rows.collect::<Vec<_>>());
        let handled = users.len() + problems;
        let not_due = self.preview.map_or(0, |preview| preview.selected.saturating_sub(handled));
        match (users.len() - shown, not_due) {
            (0, 0) => {}
            (0, not_due) => out += &format!("    and nothing for {}\n", counted(not_due, "other user")),
            (more, not_due) => {
                let others = counted(more + not_due, "other user");
                let of_them = users[shown..].iter().filter(|user| user.kind.changes_keys()).count();
                out += &format!("    … and {others}; {of_them} of them would get a change\n");
            }
        }
        out.extend(self.preview.and_then(|preview| preview.plan.as_ref()).map(RotationPlan::text));
        out
    }

    /// What the role may do, as the template says.
    fn role(&self) -> String {
        let secrets = match self.settings.policy.delivery {
            Delivery::SecretsManager => {
                format!("; it may write secrets below {}/, and read none", self.settings.secret_prefix)
            }
            Delivery::Email | Delivery::EmailEncrypted => String::new(),
        };
        let users = &self.settings.users;
        let tags = users.iter().filter_map(|entry| match &entry.selector {
            UserSelector::Tag(UserTag { key, value }) => Some(format!("{key}={value}")),
            _ => None,
        });
        let tags: Vec<_> = tags.collect();
        let is_path = |entry: &&UserEntry| matches!(&entry.selector, UserSelector::Path(_));
        let paths: Vec<_> = users.iter().filter(is_path).map(|entry| entry.selector.to_string()).collect();
        let named = users.iter().filter(|entry| is_named(entry)).count();
        let (users_in_words, others) = if !tags.is_empty() {
            (format!("every user with the tag {}", shortened(&tags, NAMED)), ", and of no others")
        } else if paths.iter().any(|path| path == "/") {
            ("every user of the account".to_owned(), "")
        } else {
            let below = (!paths.is_empty()).then(|| format!("every user below {}", shortened(&paths, NAMED)));
            let these = if named == 1 { "this 1 user".to_owned() } else { format!("these {named} users") };
            let parts: Vec<_> = below.into_iter().chain((named > 0).then_some(these)).collect();
            (parts.join(" and of "), ", and of no others")
        };
        let exempt = if self.settings.exempt.is_empty() { "" } else { "; the function skips exempt users" };
        format!("The role may create, deactivate and delete keys of {users_in_words}{others}{exempt}{secrets}.")
    }

    /// Which addresses must confirm, and what happens before.
    fn to_confirm(&self, all: bool) -> String {
        let mut addresses: BTreeMap<String, (&str, usize)> = BTreeMap::new();
        for mail in &self.mails {
            addresses.entry(mail.address.to_ascii_lowercase()).or_insert((&mail.address, 0)).1 += 1;
        }
        // Those who get more mails get alarms too, so they come first.
        let mut addresses: Vec<_> = addresses.into_values().collect();
        addresses.sort_by_key(|(_, mails)| Reverse(*mails));
        let most = if all { addresses.len() } else { NAMED };
        let names = addresses.iter().map(|(address, mails)| match mails {
            1 => (*address).to_owned(),
            mails => format!("{address} ({mails})"),
        });
        let names = shortened(&names.collect::<Vec<_>>(), most);
        let is_mail = self.settings.policy.delivery.is_mail();
        let before = match self.settings.policy.unconfirmed_recipients {
            UnconfirmedRecipients::Hold if self.has_confirmed_endpoint() => {
                if is_mail {
                    "Users do not wait for a confirmed address, because an endpoint of notify counts as a recipient; \
                     only a new key by mail waits for its address"
                } else {
                    "Users do not wait for a confirmed address, because an endpoint of notify counts as a recipient"
                }
            }
            UnconfirmedRecipients::Hold if !self.settings.endpoints.is_empty() => {
                "Before its owner, an administrator or an endpoint has confirmed, a user waits: no key changes"
            }
            UnconfirmedRecipients::Hold => {
                "Before its owner or an administrator has confirmed, a user waits: no key changes"
            }
            UnconfirmedRecipients::Proceed if is_mail => "Before an address has confirmed, no key is mailed to it",
            UnconfirmedRecipients::Proceed => {
                "Keys are replaced and deactivated before that, although no one is notified"
            }
        };
        format!("To confirm: {} from AWS to {names}. {before}.", counted(self.mails.len(), "mail"))
    }

    /// Whether users need not wait, because SNS confirms the subscription of a queue or a function at once.
    fn has_confirmed_endpoint(&self) -> bool {
        self.settings.endpoints.iter().any(|endpoint| endpoint.kind() != EndpointKind::Https)
    }

    /// The endpoints that get the notices. Empty without endpoints.
    fn endpoints(&self) -> String {
        let each = self.settings.endpoints.iter().map(|endpoint| match endpoint.kind() {
            EndpointKind::Https => format!("{endpoint} (the URL must confirm)"),
            EndpointKind::Queue | EndpointKind::Function => endpoint.to_string(),
        });
        let all: Vec<_> = each.collect();
        if all.is_empty() { String::new() } else { wrapped("", &format!("Notices as JSON: {}", all.join(", "))) }
    }
}

fn is_named(entry: &UserEntry) -> bool {
    matches!(entry.selector, UserSelector::User(_))
}

/// The users of a selector in words.
fn selected(selector: &UserSelector) -> String {
    match selector {
        UserSelector::User(_) | UserSelector::Group(_) => selector.to_string(),
        UserSelector::Path(path) if path.to_string() == "/" => "all users".to_owned(),
        UserSelector::Path(path) => format!("all below {path}"),
        UserSelector::Tag(UserTag { key, value }) => format!("all with {key}={value}"),
    }
}
