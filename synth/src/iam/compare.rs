//! Compares what two sets of policies allow.
//!
//! A statement is a box: actions × resources × principals × conditions. The newly allowed requests are the new boxes
//! minus the old boxes. The difference consists of boxes again, with a few more excluded patterns and conditions. If no
//! box is left, nothing was gained, and that is a proof. If boxes are left, each gives a request for the
//! [evaluator](super::evaluate). If a request is allowed now and was not before, something was gained, and the request
//! is the witness. Without a proof or a witness, the answer is *maybe*.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::cfn::text::Piece;

use super::{
    condition::Literal,
    evaluate::{AccessRequest, Decision, EvaluatedPolicy, decide},
    glob::{self, Glob, Letter, Sample, Token, WordRegion},
    language::PolicyLanguage,
    policy::{self, ParsedStatement, Selection},
};

/// The permissions of one identity, or those on one resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Permissions {
    /// Policy documents. A request that one of them allows is allowed, unless one of them denies it.
    pub documents: Vec<Json>,
    /// Names of further policies, whose statements are not in the template.
    pub attached: BTreeSet<String>,
    /// The permissions boundary, which limits what the documents allow.
    pub boundary: Boundary,
}

/// A permissions boundary.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Boundary {
    /// There is no boundary, so there is no limit.
    #[default]
    Absent,
    /// A boundary with these policy documents.
    Documents(Vec<Json>),
    /// A boundary with this name, whose statements are not in the template.
    Elsewhere(String),
}

/// The answer to a question about permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// A proof shows that it is not so.
    No,
    /// There is neither a proof nor an example.
    Maybe,
    /// An example shows that it is so.
    Yes,
}

/// The comparison of two sets of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Whether a request is allowed now that was not allowed before.
    pub gained: Certainty,
    /// Whether a request was allowed before that is not allowed now.
    pub lost: Certainty,
    /// A request that is allowed now and was not allowed before, as people read it.
    pub example: Option<String>,
}

/// How a change affects permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No policy changed.
    None,
    /// The policies changed, but they allow the same requests.
    Equivalent,
    /// The policies allow fewer requests, and no new ones.
    Narrower,
    /// The policies allow at least one new request. They may also allow fewer others.
    Broader,
    /// It could not be proved whether the policies allow new requests.
    Unknown,
}

impl Verdict {
    /// The word for the verdict, as in the output and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Equivalent => "equivalent",
            Self::Narrower => "narrower",
            Self::Broader => "broader",
            Self::Unknown => "unknown",
        }
    }

    /// The verdict on two changes together: the worse of the two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |verdict| match verdict {
            Self::None => 0,
            Self::Equivalent => 1,
            Self::Narrower => 2,
            Self::Unknown => 3,
            Self::Broader => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl Comparison {
    /// All permissions are taken away.
    pub(super) const fn lost() -> Self {
        Self { gained: Certainty::No, lost: Certainty::Yes, example: None }
    }

    /// Nothing is known.
    pub(super) const fn unclear() -> Self {
        Self { gained: Certainty::Maybe, lost: Certainty::Maybe, example: None }
    }

    /// The verdict on the change.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.gained, self.lost) {
            (Certainty::No, Certainty::No) => Verdict::Equivalent,
            (Certainty::No, _) => Verdict::Narrower,
            // Nothing was lost, and there is no proof that nothing was gained. So the new policies probably allow more.
            (Certainty::Yes, _) | (Certainty::Maybe, Certainty::No) => Verdict::Broader,
            (Certainty::Maybe, _) => Verdict::Unknown,
        }
    }
}

/// Compares the permissions before and after a change.
#[must_use]
pub fn compare(old: &Permissions, new: &Permissions) -> Comparison {
    if old == new {
        return Comparison { gained: Certainty::No, lost: Certainty::No, example: None };
    }
    let (before, after) = (Parsed::read(old), Parsed::read(new));
    let (gained, example) = glob::with_states(MAX_STATES, || more((&before, old), (&after, new), true));
    let (lost, _) = glob::with_states(MAX_STATES, || more((&after, new), (&before, old), false));
    Comparison { gained, lost, example }
}

/// Permissions, read into statements.
struct Parsed {
    identity: Layer,
    boundary: Option<Layer>,
    /// The name of a boundary that cannot be analysed.
    limit: Option<String>,
    /// Statements and policies that cannot be analysed.
    unread: BTreeSet<String>,
}

#[derive(Default, PartialEq)]
struct Layer {
    allows: Vec<ParsedStatement>,
    denies: Vec<ParsedStatement>,
}

impl Layer {
    /// Reads documents. The second value holds the statements and documents that cannot be analysed.
    fn read(documents: &[Json]) -> (Self, BTreeSet<String>) {
        let (mut layer, mut unread) = (Self::default(), BTreeSet::new());
        for document in documents {
            let both = PolicyLanguage::of(document).zip(policy::statements(document));
            let Some((language, statements)) = both else {
                unread.insert(document.to_string());
                continue;
            };
            for json in statements {
                let Some(statement) = ParsedStatement::read(json, language) else {
                    unread.insert(json.to_string());
                    continue;
                };
                let list = if statement.allow { &mut layer.allows } else { &mut layer.denies };
                if !list.contains(&statement) {
                    list.push(statement);
                }
            }
        }
        (layer, unread)
    }
}

impl Parsed {
    fn read(permissions: &Permissions) -> Self {
        let (identity, mut unread) = Layer::read(&permissions.documents);
        unread.extend(permissions.attached.iter().cloned());
        let (boundary, limit) = match &permissions.boundary {
            Boundary::Absent => (None, None),
            Boundary::Elsewhere(name) => (None, Some(name.clone())),
            Boundary::Documents(documents) => match Layer::read(documents) {
                (layer, unread) if unread.is_empty() => (Some(layer), None),
                _ => (None, Some(format!("{documents:?}"))),
            },
        };
        Self { identity, boundary, limit, unread }
    }

    fn denies(&self) -> impl Iterator<Item = &ParsedStatement> {
        self.identity.denies.iter().chain(self.boundary.iter().flat_map(|layer| &layer.denies))
    }

    fn is_administrator(&self) -> bool {
        self.identity.allows.iter().any(ParsedStatement::allows_everything)
            && self.boundary.is_none()
            && self.limit.is_none()
            && self.unread.is_empty()
            && self.identity.denies.is_empty()
    }
}

/// Whether `new` allows more than `old`, and an example. `forwards` is whether `new` is the later state.
fn more(
    (old, old_source): (&Parsed, &Permissions),
    (new, new_source): (&Parsed, &Permissions),
    forwards: bool,
) -> (Certainty, Option<String>) {
    if old.is_administrator() {
        return (Certainty::No, None);
    }
    let mut answer = Certainty::No;
    if new.unread.iter().any(|name| !old.unread.contains(name))
        || old.limit.as_ref().is_some_and(|limit| new.limit.as_ref() != Some(limit))
        // A removed policy that cannot be analysed may have denied something. Almost all of AWS's own policies only
        // allow. An added one is already *maybe*, by the first condition.
        || (forwards && old.unread.iter().any(|name| !new.unread.contains(name) && may_deny(name)))
    {
        answer = Certainty::Maybe;
    }
    let mut work = Work { left: MAX_WORK };
    let residue = work.residue(old, new);
    if residue.as_ref().is_some_and(Vec::is_empty) {
        return (answer, None);
    }
    // With policies that cannot be analysed, every example is doubtful.
    if !old.unread.is_empty() || new.limit.is_some() || !new.unread.is_empty() {
        return (Certainty::Maybe, None);
    }
    let evidence = Evidence::new(old, new, old_source, new_source);
    match evidence.and_then(|evidence| evidence.example(&residue.unwrap_or_default())) {
        Some(example) => (Certainty::Yes, Some(example)),
        None => (Certainty::Maybe, None),
    }
}

/// Whether an attached policy may contain a deny. Of AWS's own policies, only those with such a name do.
fn may_deny(name: &str) -> bool {
    !name.contains(":iam::aws:policy/") || name.contains("Deny") || name.contains("Quarantine")
}

/// The number of times that a box is compared with a pattern, after which the answer is *maybe*.
const MAX_WORK: usize = 500_000;

/// The number of states that all automata together may visit, after which the answer is *maybe*.
const MAX_STATES: usize = 400_000;

/// The number of boxes that are searched for an example, and as many again for one of [`POWERFUL`].
const MAX_TRIES: usize = 60;

/// The number of boxes that are searched for an example of one action of [`POWERFUL`].
const MAX_TRIES_OF_ONE: usize = 5;

/// Actions that an example shows rather than others, the most powerful one first: they give permissions, credentials or
/// secrets, or run code with a role.
const POWERFUL: [&str; 57] = [
    "iam:AttachRolePolicy",
    "iam:PutRolePolicy",
    "iam:AttachUserPolicy",
    "iam:PutUserPolicy",
    "iam:AttachGroupPolicy",
    "iam:PutGroupPolicy",
    "iam:CreatePolicyVersion",
    "iam:SetDefaultPolicyVersion",
    "iam:AddUserToGroup",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:PutRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutUserPermissionsBoundary",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:CreateUser",
    "iam:CreateRole",
    "iam:CreateAccessKey",
    "iam:UpdateAccessKey",
    "iam:DeleteAccessKey",
    "iam:CreateServiceSpecificCredential",
    "iam:ResetServiceSpecificCredential",
    "iam:PassRole",
    "iam:TagUser",
    "iam:TagRole",
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "secretsmanager:GetSecretValue",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:PutResourcePolicy",
    "secretsmanager:PutSecretValue",
    "secretsmanager:UpdateSecret",
    "kms:PutKeyPolicy",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:ScheduleKeyDeletion",
    "ssm:SendCommand",
    "ssm:GetParameter",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
    "lambda:CreateFunction",
    "lambda:AddPermission",
    "cloudformation:UpdateStack",
    "scheduler:UpdateSchedule",
    "events:PutTargets",
    "lambda:InvokeFunction",
    "ec2:RunInstances",
    "s3:PutBucketPolicy",
    "s3:PutObject",
    "s3:GetObject",
    "sns:Subscribe",
    "sns:SetTopicAttributes",
    "sns:Publish",
    "sqs:ReceiveMessage",
    "dynamodb:GetItem",
];

/// The number of contexts that are tried for one example.
const MAX_CONTEXTS: usize = 500;

/// A set of requests: one box.
#[derive(Debug, Clone)]
struct Requests {
    /// The regions of the actions, of the resources and of the principals, in this order.
    regions: [WordRegion; 3],
    conditions: Vec<Literal>,
}

impl Requests {
    /// The same requests, but with these actions.
    fn with_actions(&self, actions: WordRegion) -> Self {
        let mut requests = self.clone();
        requests.regions[0] = actions;
        requests
    }
}

/// The selections of a statement: actions, resources, principals.
fn selections(statement: &ParsedStatement) -> [&Selection; 3] {
    [&statement.actions, &statement.resources, &statement.principals]
}

/// The part of a region that is selected or, if `selected` is false, the part that is not. Several regions together
/// make up that part.
fn split(region: &WordRegion, selection: &Selection, selected: bool) -> Vec<WordRegion> {
    // Only the patterns that match something of the region.
    let globs: Vec<&Glob> = selection.globs.iter().filter(|glob| !region.is_disjoint(glob)).collect();
    let all = globs.iter().any(|glob| region.is_within(glob));
    let mut regions: Vec<WordRegion> = if selected == selection.complement {
        match (all, globs.is_empty()) {
            (true, _) => return Vec::new(),
            (_, true) => return vec![region.clone()],
            _ => vec![globs.into_iter().fold(region.clone(), |region, glob| region.without(glob))],
        }
    } else if all {
        return vec![region.clone()];
    } else {
        globs.into_iter().map(|glob| region.and(glob)).collect()
    };
    regions.retain(|region| !region.is_empty());
    regions
}

struct Work {
    left: usize,
}

impl Work {
    /// The boxes of the requests that `new` allows and `old` does not. `None` if that takes too long.
    fn residue(&mut self, old: &Parsed, new: &Parsed) -> Option<Vec<Requests>> {
        let mut residue = Vec::new();
        let layers = [(Some(&old.identity), Some(&new.identity)), (old.boundary.as_ref(), new.boundary.as_ref())];
        for (old_layer, new_layer) in layers {
            let Some(old_layer) = old_layer else { continue };
            for statement in &new.identity.allows {
                // The most common case: this statement has not changed.
                let unchanged = if std::ptr::eq(old_layer, &raw const old.identity) {
                    old_layer.allows.contains(statement)
                } else {
                    new_layer.is_some_and(|layer| layer.allows == old_layer.allows)
                };
                if !unchanged {
                    let boxes = self.boxes(statement, new.boundary.as_ref())?;
                    let boxes = self.subtract_all(boxes, &old_layer.allows)?;
                    residue.extend(self.subtract_all(boxes, new.denies())?);
                }
            }
        }
        let gone: Vec<&ParsedStatement> =
            old.denies().filter(|deny| !new.denies().any(|other| other == *deny)).collect();
        for deny in gone {
            for statement in &new.identity.allows {
                let boxes = self.boxes(statement, new.boundary.as_ref())?;
                let boxes = self.intersect_all(boxes, deny)?;
                residue.extend(self.subtract_all(boxes, new.denies())?);
            }
        }
        Some(residue)
    }

    /// The boxes of a statement, limited by a boundary.
    fn boxes(&mut self, statement: &ParsedStatement, boundary: Option<&Layer>) -> Option<Vec<Requests>> {
        let everything = Requests {
            regions: [WordRegion::everything(), WordRegion::everything(), WordRegion::everything()],
            conditions: Vec::new(),
        };
        let boxes = self.intersect_all(vec![everything], statement)?;
        let Some(boundary) = boundary else { return Some(boxes) };
        let mut limited = Vec::new();
        for allow in &boundary.allows {
            limited.extend(self.intersect_all(boxes.clone(), allow)?);
        }
        Some(limited)
    }

    fn intersect_all(&mut self, boxes: Vec<Requests>, statement: &ParsedStatement) -> Option<Vec<Requests>> {
        let mut inside = Vec::new();
        for requests in boxes {
            inside.extend(self.cut(requests, statement)?.0);
        }
        Some(inside)
    }

    fn subtract_all<'s>(
        &mut self,
        mut boxes: Vec<Requests>,
        statements: impl IntoIterator<Item = &'s ParsedStatement>,
    ) -> Option<Vec<Requests>> {
        for statement in statements {
            let mut outside = Vec::new();
            for requests in boxes {
                outside.extend(self.subtract(requests, statement)?);
            }
            boxes = outside;
        }
        Some(boxes)
    }

    fn subtract(&mut self, requests: Requests, statement: &ParsedStatement) -> Option<Vec<Requests>> {
        let whole = requests.clone();
        let (inside, outside) = self.cut(requests, statement)?;
        // A box that the statement does not apply to stays whole.
        Some(if inside.is_empty() { vec![whole] } else { outside })
    }

    /// The parts of a box that a statement applies to, and the other parts. `None` if that takes too long.
    fn cut(&mut self, requests: Requests, statement: &ParsedStatement) -> Option<(Vec<Requests>, Vec<Requests>)> {
        let (mut inside, mut outside) = (vec![requests], Vec::new());
        for (side, selection) in selections(statement).into_iter().enumerate() {
            let mut next = Vec::new();
            self.left = self.left.checked_sub(inside.len() * (1 + selection.globs.len()))?;
            for requests in inside {
                let with = |region| {
                    let mut part = requests.clone();
                    part.regions[side] = region;
                    part
                };
                next.extend(split(&requests.regions[side], selection, true).into_iter().map(with));
                outside.extend(split(&requests.regions[side], selection, false).into_iter().map(with));
            }
            inside = next;
        }
        for condition in &statement.conditions {
            let mut next = Vec::new();
            for requests in inside {
                if requests.conditions.iter().any(|own| own.implies(condition)) {
                    next.push(requests);
                    continue;
                }
                for (literal, list) in [(condition.clone(), &mut next), (condition.negation(), &mut outside)] {
                    let mut part = requests.clone();
                    part.conditions.push(literal);
                    if !Literal::contradict(&part.conditions) {
                        list.push(part);
                    }
                }
            }
            inside = next;
        }
        Some((inside, outside))
    }
}

/// The policies that examples are tried with.
struct Evidence<'p> {
    old: &'p Parsed,
    new: &'p Parsed,
    old_documents: Documents,
    new_documents: Documents,
    /// All texts of the policies, the new ones first, to show an action with its original case.
    spellings: Vec<String>,
    /// Whether a statement of the new policies names resources. A trust policy does not.
    names_resources: bool,
    /// Whether a statement of the new policies names principals. An identity's own policy does not.
    names_principals: bool,
}

struct Documents {
    policies: Vec<EvaluatedPolicy>,
    boundary: Option<Vec<EvaluatedPolicy>>,
}

impl Documents {
    fn read(permissions: &Permissions) -> Option<Self> {
        let resolve = |name: &str| Some(meaning(name));
        let read = |documents: &[Json]| -> Option<Vec<EvaluatedPolicy>> {
            documents.iter().map(|json| EvaluatedPolicy::read(json, &resolve).ok()).collect()
        };
        let boundary = match &permissions.boundary {
            // An old boundary that cannot be analysed may only hide examples, because without it the old policies allow
            // more.
            Boundary::Absent | Boundary::Elsewhere(_) => None,
            Boundary::Documents(documents) => Some(read(documents)?),
        };
        Some(Self { policies: read(&permissions.documents)?, boundary })
    }

    fn allow(&self, request: &AccessRequest) -> bool {
        decide(&self.policies, self.boundary.as_deref(), request) == Decision::Allowed
    }
}

/// The text that stands for a symbol in an example. It has no colon or slash, so it stays one component of an ARN.
fn meaning(symbol: &str) -> String {
    format!("<{}>", symbol.replace([':', '/'], "-"))
}

fn text(word: &[Letter]) -> String {
    word.iter().fold(String::new(), |text, letter| match letter {
        Letter::Char(c) => text + c.encode_utf8(&mut [0; 4]),
        Letter::Symbol(symbol) => text + &meaning(symbol),
    })
}

impl<'p> Evidence<'p> {
    fn new(old: &'p Parsed, new: &'p Parsed, before: &Permissions, after: &Permissions) -> Option<Self> {
        let (old_documents, new_documents) = (Documents::read(before)?, Documents::read(after)?);
        let mut spellings = Vec::new();
        for permissions in [after, before] {
            let boundary = match &permissions.boundary {
                Boundary::Documents(documents) => documents.as_slice(),
                Boundary::Absent | Boundary::Elsewhere(_) => &[],
            };
            permissions.documents.iter().chain(boundary).for_each(|document| collect_texts(document, &mut spellings));
        }
        let names = |element: &str| {
            let statements = after.documents.iter().filter_map(policy::statements).flatten();
            let not = format!("Not{element}");
            statements.into_iter().any(|statement| statement.get(element).or_else(|| statement.get(&not)).is_some())
        };
        let (names_resources, names_principals) = (names("Resource"), names("Principal"));
        Some(Self { old, new, old_documents, new_documents, spellings, names_resources, names_principals })
    }

    /// A request that is allowed now and was not allowed before, as text: that of the most powerful action, or else of
    /// the first box that has one. `None` if no attempt finds one.
    fn example(&self, residue: &[Requests]) -> Option<String> {
        let powerful = POWERFUL.iter().flat_map(|action| {
            let action = action.to_lowercase();
            let word: Vec<_> = action.chars().map(Letter::Char).collect();
            let region = WordRegion::of(Glob::literal(&[Piece::Literal(action)]));
            let with = residue.iter().filter(move |requests| requests.regions[0].has(&word));
            with.take(MAX_TRIES_OF_ONE).map(move |requests| requests.with_actions(region.clone()))
        });
        // An action has a service and a name.
        let whole = Glob::pattern(&[Piece::Literal("?*:?*".to_owned())]);
        let whole = |requests: &Requests| {
            let region = requests.regions[0].and(&whole);
            if region.is_empty() { requests.clone() } else { requests.with_actions(region) }
        };
        let mut powerful = powerful.take(MAX_TRIES);
        powerful
            .find_map(|requests| self.witness(&requests, &requests))
            .or_else(|| residue.iter().take(MAX_TRIES).find_map(|requests| self.witness(&whole(requests), requests)))
    }

    /// A request of the box that is allowed now and was not allowed before, as text. The text describes the box `shown`, which
    /// has the request: a request itself would end where a wildcard begins. `None` if no attempt finds one.
    fn witness(&self, requests: &Requests, shown: &Requests) -> Option<String> {
        let mut words = Vec::new();
        for region in &requests.regions {
            let Sample::Word(word) = region.sample() else { return None };
            words.push(word);
        }
        if self.is_doubtful(&words) {
            return None;
        }
        let mut request = AccessRequest {
            principal: principal(&text(&words[2])),
            action: text(&words[0]),
            resource: text(&words[1]),
            context: BTreeMap::new(),
        };
        let variables = words.iter().flatten().filter_map(|letter| match letter {
            Letter::Symbol(symbol) => symbol.strip_prefix('!'),
            Letter::Char(_) => None,
        });
        let fixed: Vec<(String, String)> =
            variables.map(|name| (name.to_owned(), meaning(&format!("!{name}")))).collect();
        let keys = self.keys(requests);
        for attempt in 0..MAX_CONTEXTS {
            let Some(context) = choose(&keys, attempt) else { break };
            request.context = context;
            request.context.extend(fixed.iter().map(|(name, value)| (name.clone(), vec![value.clone()])));
            if self.new_documents.allow(&request) && !self.old_documents.allow(&request) {
                return Some(self.described(shown));
            }
        }
        None
    }

    /// A box as people read it.
    fn described(&self, Requests { regions: [actions, resources, principals], .. }: &Requests) -> String {
        let mut text = actions.described(|action| self.spelt(&action.to_string()));
        if actions.is_pattern() {
            text += " (pattern)";
        }
        if self.names_resources {
            text += " on ";
            text += &resources.described(quoted);
        }
        if self.names_principals {
            text += " by ";
            // Everybody, with the exceptions.
            let principals = principals.described(quoted);
            text += &principals.strip_prefix('*').map_or(principals.clone(), |rest| format!("anybody{rest}"));
        }
        text
    }

    /// An action with the case that AWS or the policy uses. The comparison uses lower case.
    fn spelt(&self, action: &str) -> String {
        let spellings = POWERFUL.into_iter().chain(self.spellings.iter().map(String::as_str));
        spellings.into_iter().find(|text| text.eq_ignore_ascii_case(action)).unwrap_or(action).to_owned()
    }

    /// Whether some meaning of a symbol could make a statement match the example that does not match it as it stands.
    fn is_doubtful(&self, words: &[Vec<Letter>]) -> bool {
        let doubtful = |statement: &ParsedStatement| {
            let sides = || selections(statement).into_iter().zip(words);
            let may = |(selection, word): (&Selection, &Vec<Letter>)| {
                if selection.complement {
                    !selection.globs.iter().any(|glob| glob.must_match(word))
                } else {
                    selection.globs.iter().any(|glob| may_be(glob, word))
                }
            };
            let must = |(selection, word): (&Selection, &Vec<Letter>)| {
                if selection.complement {
                    !selection.globs.iter().any(|glob| may_be(glob, word))
                } else {
                    selection.globs.iter().any(|glob| glob.must_match(word))
                }
            };
            sides().all(may) && !sides().all(must)
        };
        let old_boundary = self.old.boundary.iter().flat_map(|layer| &layer.allows);
        self.old.identity.allows.iter().chain(old_boundary).chain(self.new.denies()).any(doubtful)
    }

    /// Each condition key, with the values to try. The first attempt is without a value.
    fn keys(&self, requests: &Requests) -> Vec<(String, Vec<Vec<String>>)> {
        let statements = [self.new, self.old].into_iter().flat_map(|parsed| {
            parsed.identity.allows.iter().chain(parsed.denies()).chain(parsed.boundary.iter().flat_map(|l| &l.allows))
        });
        let all = requests.conditions.iter().chain(statements.flat_map(|statement| &statement.conditions));
        let mut keys: Vec<(String, Vec<Vec<String>>)> = Vec::new();
        for literal in all {
            let index = keys.iter().position(|(key, _)| *key == literal.key).unwrap_or_else(|| {
                keys.push((literal.key.clone(), vec![Vec::new()]));
                keys.len() - 1
            });
            for region in literal.interesting() {
                if let Sample::Word(word) = region.sample() {
                    let value = vec![text(&word)];
                    if !keys[index].1.contains(&value) {
                        keys[index].1.push(value);
                    }
                }
            }
        }
        // Two values at once distinguish "some value" from "all values".
        for (_, values) in &mut keys {
            if let [_, first, .., last] = values.as_slice() {
                values.push([first.as_slice(), last].concat());
            }
        }
        keys
    }
}

/// A pattern as people read it. It is never empty.
fn quoted(glob: &Glob) -> String {
    if glob.tokens().is_empty() { "\"\"".to_owned() } else { glob.to_string() }
}

fn collect_texts(value: &Json, texts: &mut Vec<String>) {
    match value {
        Json::String(text) => texts.push(text.clone()),
        Json::Array(list) => list.iter().for_each(|value| collect_texts(value, texts)),
        Json::Object(map) => map.values().for_each(|value| collect_texts(value, texts)),
        _ => {}
    }
}

/// Whether a pattern could match a word. Two different resources of a template never have the same text.
fn may_be(glob: &Glob, word: &[Letter]) -> bool {
    let same =
        |(token, letter): (&Token, &Letter)| matches!((token, letter), (Token::Char(a), Letter::Char(b)) if a == b);
    let common = glob.tokens().iter().zip(word).take_while(|pair| same(*pair)).count();
    if let ([Token::Symbol(own)], [Letter::Symbol(other)]) = (&glob.tokens()[common..], &word[common..])
        && let (Some(own), Some(other)) = (resource(own), resource(other))
        && own != other
    {
        return false;
    }
    glob.may_match(word)
}

/// The resource that a symbol is an attribute of. `None` for a plain name: it may be a parameter, and two parameters
/// may have the same value.
fn resource(symbol: &str) -> Option<&str> {
    let (name, _) = symbol.split_once('.')?;
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(name)
}

/// The principal of a request in the evaluator's form, in which `AWS:account:identity` is an ARN.
fn principal(word: &str) -> String {
    match word.strip_prefix("AWS:") {
        Some(identity) if identity.contains(':') => format!("AWS:arn:aws:iam::{identity}"),
        _ => word.to_owned(),
    }
}

/// The context with the number `attempt` of all that these values make. `None` after the last one.
fn choose(keys: &[(String, Vec<Vec<String>>)], attempt: usize) -> Option<BTreeMap<String, Vec<String>>> {
    let mut rest = attempt;
    let mut context = BTreeMap::new();
    for (key, values) in keys {
        context.insert(key.clone(), values[rest % values.len()].clone());
        rest /= values.len();
    }
    (rest == 0).then_some(context)
}
