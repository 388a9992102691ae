//! Patterns of IAM that may contain symbols, and proofs about them.
//!
//! A pattern consists of letters, `?`, `*` and symbols. A symbol such as `${AWS::AccountId}` or `${Topic.Arn}` stands
//! for one text. The text is the same everywhere in both templates, but it is unknown here. A [`WordRegion`] is the set of
//! words that some patterns match and others do not. To decide whether a region is empty, all patterns run at once,
//! letter by letter, as one automaton. It is built only as far as needed.
//!
//! A symbol counts as one letter. This is sound: each text that a pattern stands for comes from a word of letters and
//! symbols of the region's first pattern, its *anchor*. A pattern that excludes words must match that word for every
//! meaning of its symbols. A pattern that narrows the region must match it for at least one meaning. So a region that
//! is found empty is empty in every deployment. The answer "not empty" may be wrong, but only if symbols are involved.

use std::{
    cell::Cell,
    collections::{HashSet, VecDeque},
    fmt::{self, Write as _},
};

use crate::{cfn::text::Piece, screen::shortened};

/// One step of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Token {
    /// Exactly this letter.
    Char(char),
    /// `?`: any one letter.
    Any,
    /// `*`: any text.
    Star,
    /// `*` within one component of an ARN: any text without a colon.
    Within,
    /// `?` within one component of an ARN: any one letter but a colon.
    AnyWithin,
    /// One text that is known only in a deployment. The name is that of the reference, such as `AWS::AccountId`.
    Symbol(String),
}

/// A pattern: its steps in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(Vec<Token>);

/// A letter of a word: a character or a symbol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Letter {
    /// One character of a text.
    Char(char),
    /// A symbol, which stands for a whole text, as the name of the reference.
    Symbol(String),
}

/// The words that every pattern of `within` matches and no pattern of `outside` matches.
#[derive(Debug, Clone)]
pub struct WordRegion {
    within: Vec<Glob>,
    outside: Vec<Glob>,
}

/// Whether a region is empty, with a word of it if it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sample {
    /// The region has no word, for every meaning of the symbols.
    Empty,
    /// This word is in the region if no symbol is involved. Otherwise it may be.
    Word(Vec<Letter>),
    /// The decision would need more states than allowed.
    TooComplex,
}

/// The number of states of one automaton after which the answer is [`Sample::TooComplex`].
const MAX_STATES: usize = 1_000;

thread_local! {
    /// The number of states that this thread may still visit. It is not a parameter, because thousands of small
    /// questions share it: each is cheap, only their sum is expensive.
    static STATES_LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Runs `answer` with at most this number of states of automata. After that, every sample is [`Sample::TooComplex`].
pub(super) fn with_states<T>(states: usize, answer: impl FnOnce() -> T) -> T {
    STATES_LEFT.set(states);
    let answer = answer();
    STATES_LEFT.set(usize::MAX);
    answer
}

/// The most patterns that the description of a region names as its exceptions.
const MOST_NAMED: usize = 3;

/// How a pattern reads a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// A symbol matches only itself: the words are made of this pattern's own symbols.
    Anchor,
    /// The pattern must match for every meaning of the symbols.
    Must,
    /// The pattern must match for some meaning of the symbols, including its own.
    May,
}

/// Whether the text of a symbol never contains a colon or a slash, so that it stays within one component of an ARN.
fn is_simple(symbol: &str) -> bool {
    matches!(symbol, "AWS::AccountId" | "AWS::Partition" | "AWS::Region" | "AWS::StackName" | "AWS::URLSuffix")
}

impl Glob {
    /// Makes a pattern of its steps.
    #[must_use]
    pub fn new(tokens: Vec<Token>) -> Self {
        let mut tokens = tokens;
        // `**` means the same as `*`.
        tokens.dedup_by(|next, last| *next == Token::Star && *last == Token::Star);
        Self(tokens)
    }

    /// The pattern `*`, which matches every text.
    #[must_use]
    pub fn everything() -> Self {
        Self(vec![Token::Star])
    }

    /// Makes a pattern of a text in which `*` and `?` are wildcards.
    #[must_use]
    pub fn pattern(pieces: &[Piece]) -> Self {
        Self::read(pieces, |c| match c {
            '*' => Token::Star,
            '?' => Token::Any,
            c => Token::Char(c),
        })
    }

    /// Makes a pattern of a text without wildcards: `*` and `?` match only themselves.
    #[must_use]
    pub fn literal(pieces: &[Piece]) -> Self {
        Self::read(pieces, Token::Char)
    }

    fn read(pieces: &[Piece], token: impl Fn(char) -> Token) -> Self {
        let mut tokens = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(text) => tokens.extend(text.chars().map(&token)),
                Piece::Reference(name) => tokens.push(Token::Symbol(name.clone())),
            }
        }
        Self::new(tokens)
    }

    /// The steps of the pattern.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.0
    }

    /// Whether this is the pattern `*`.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0 == [Token::Star]
    }

    /// Whether this pattern matches everything that `other` matches. `false` if that is unknown.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        if self == other || self.is_everything() {
            return true;
        }
        let (outer, inner) = apart(&self.0, &other.0);
        if inner.iter().all(|token| matches!(token, Token::Char(_))) && outer.is_empty() {
            return inner.is_empty();
        }
        !begin_apart(outer, inner)
            && WordRegion { within: vec![Self(inner.to_vec())], outside: vec![Self(outer.to_vec())] }.is_empty()
    }

    /// Whether no text can match both patterns. `false` if that is unknown.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        // Every pattern matches something.
        if self.is_everything() || other.is_everything() {
            return false;
        }
        let (a, b) = apart(&self.0, &other.0);
        begin_apart(a, b)
            || WordRegion { within: vec![Self(a.to_vec()), Self(b.to_vec())], outside: Vec::new() }.is_empty()
    }

    /// Whether this pattern matches the word for every meaning of the symbols.
    #[must_use]
    pub fn must_match(&self, word: &[Letter]) -> bool {
        self.matches(word, Reading::Must)
    }

    /// Whether this pattern matches the word for some meaning of the symbols.
    #[must_use]
    pub fn may_match(&self, word: &[Letter]) -> bool {
        self.matches(word, Reading::May)
    }

    fn matches(&self, word: &[Letter], reading: Reading) -> bool {
        let end = word.iter().fold(self.start(reading), |states, letter| self.step(&states, letter, reading));
        self.accepts(&end)
    }

    fn start(&self, reading: Reading) -> States {
        let mut states = Vec::new();
        self.reach(&mut states, 0, reading);
        states
    }

    fn accepts(&self, states: &States) -> bool {
        states.contains(&self.0.len())
    }

    /// Adds a state and the states that follow it without a letter.
    fn reach(&self, states: &mut States, mut state: usize, reading: Reading) {
        loop {
            if !states.contains(&state) {
                states.push(state);
            }
            match self.0.get(state) {
                Some(Token::Star | Token::Within) => state += 1,
                Some(Token::Symbol(_)) if reading == Reading::May => state += 1,
                _ => return,
            }
        }
    }

    /// The states after the next letter.
    fn step(&self, states: &States, letter: &Letter, reading: Reading) -> States {
        let mut next = Vec::new();
        for &state in states {
            let Some(token) = self.0.get(state) else {
                // The text of a symbol may be empty.
                if reading == Reading::May && matches!(letter, Letter::Symbol(symbol) if !is_simple(symbol)) {
                    self.reach(&mut next, state, reading);
                }
                continue;
            };
            match (token, letter) {
                (Token::Char(own), Letter::Char(c)) if own == c => self.reach(&mut next, state + 1, reading),
                (Token::Any, Letter::Char(_)) => self.reach(&mut next, state + 1, reading),
                (Token::AnyWithin, Letter::Char(c)) if *c != ':' => self.reach(&mut next, state + 1, reading),
                (Token::Star, Letter::Char(_)) => self.reach(&mut next, state, reading),
                (Token::Within, Letter::Char(c)) if *c != ':' => self.reach(&mut next, state, reading),
                (Token::Symbol(own), Letter::Char(c))
                    if reading == Reading::May && !(is_simple(own) && matches!(c, ':' | '/')) =>
                {
                    self.reach(&mut next, state, reading);
                }
                (_, Letter::Symbol(symbol)) => self.step_symbol(&mut next, state, symbol, reading),
                _ => {}
            }
        }
        next.sort_unstable();
        next
    }

    fn step_symbol(&self, next: &mut States, state: usize, symbol: &str, reading: Reading) {
        if reading == Reading::May {
            // The symbol may be any text, so it may match any number of steps. A text without colon and slash stops
            // there.
            for ahead in state..=self.0.len() {
                self.reach(next, ahead, reading);
                let blocks = matches!(self.0.get(ahead), Some(Token::Char(':' | '/')));
                if blocks && is_simple(symbol) {
                    break;
                }
            }
            return;
        }
        match &self.0[state] {
            Token::Symbol(own) if own == symbol => self.reach(next, state + 1, reading),
            Token::Star if reading == Reading::Must => self.reach(next, state, reading),
            Token::Within if reading == Reading::Must && is_simple(symbol) => self.reach(next, state, reading),
            _ => {}
        }
    }
}

/// The pattern as a policy writes it, with symbols in `${}`.
impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| match token {
            Token::Char(c) => f.write_char(*c),
            Token::Any | Token::AnyWithin => f.write_char('?'),
            Token::Star | Token::Within => f.write_char('*'),
            Token::Symbol(symbol) => write!(f, "${{{symbol}}}"),
        })
    }
}

/// Two patterns without their common start and end. Those are the same text in both, so they make no difference.
fn apart<'t>(mut a: &'t [Token], mut b: &'t [Token]) -> (&'t [Token], &'t [Token]) {
    let same = |a: &Token, b: &Token| a == b && matches!(a, Token::Char(_) | Token::Symbol(_));
    while let ([first, rest @ ..], [other, others @ ..]) = (a, b)
        && same(first, other)
    {
        (a, b) = (rest, others);
    }
    while let ([rest @ .., last], [others @ .., other]) = (a, b)
        && same(last, other)
    {
        (a, b) = (rest, others);
    }
    (a, b)
}

/// Whether two patterns begin, or end, with different letters.
fn begin_apart(a: &[Token], b: &[Token]) -> bool {
    let differ = |a: Option<&Token>, b: Option<&Token>| match (a, b) {
        (Some(Token::Char(a)), Some(Token::Char(b))) => a != b,
        _ => false,
    };
    differ(a.first(), b.first()) || differ(a.last(), b.last())
}

/// The states of all patterns after some word. With it, the last letter of the word and the index of the entry before
/// it.
type Found = (Option<(usize, Letter)>, Vec<States>);

/// The positions in a pattern that the letters read so far can lead to, sorted.
type States = Vec<usize>;

impl WordRegion {
    /// The region of all words that a pattern matches.
    #[must_use]
    pub fn of(glob: Glob) -> Self {
        Self { within: vec![glob], outside: Vec::new() }
    }

    /// The region of all words.
    #[must_use]
    pub fn everything() -> Self {
        Self::of(Glob::everything())
    }

    /// Whether the pattern matches every word of the region. `false` if that is unknown.
    #[must_use]
    pub fn is_within(&self, glob: &Glob) -> bool {
        self.within.iter().any(|own| glob.contains(own))
    }

    /// Whether the pattern matches no word of the region. `false` if that is unknown.
    #[must_use]
    pub fn is_disjoint(&self, glob: &Glob) -> bool {
        self.outside.contains(glob) || self.within.iter().any(|own| own.is_disjoint(glob))
    }

    /// The words of the region that the pattern matches.
    #[must_use]
    pub fn and(&self, glob: &Glob) -> Self {
        let mut region = self.clone();
        if self.is_within(glob) {
            return region;
        }
        if self.within[0].contains(glob) {
            region.within[0] = glob.clone();
        } else {
            region.within.push(glob.clone());
        }
        region
    }

    /// The words of the region that the pattern does not match.
    #[must_use]
    pub fn without(&self, glob: &Glob) -> Self {
        let mut region = self.clone();
        if !self.is_disjoint(glob) {
            region.outside.push(glob.clone());
        }
        region
    }

    /// Whether the region has this word. It may be wrong if symbols are involved.
    #[must_use]
    pub fn has(&self, word: &[Letter]) -> bool {
        self.within.iter().all(|glob| glob.must_match(word)) && !self.outside.iter().any(|glob| glob.must_match(word))
    }

    /// The region as people read it: the patterns that match its words, as `name` calls them. If they match everything,
    /// also the patterns that do not.
    #[must_use]
    pub fn described(&self, name: impl Fn(&Glob) -> String) -> String {
        let names = |globs: &[Glob]| globs.iter().map(&name).collect::<Vec<_>>();
        let within = names(&self.within).join(" and ");
        if self.outside.is_empty() || !self.within.iter().all(Glob::is_everything) {
            return within;
        }
        format!("{within} except {}", shortened(&names(&self.outside), MOST_NAMED))
    }

    /// Whether a wildcard stands for a part of the words.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        let is_wild = |token: &Token| !matches!(token, Token::Char(_) | Token::Symbol(_));
        self.within.iter().all(|glob| glob.tokens().iter().any(is_wild))
    }

    /// Whether the region has no word. `false` if that is unknown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        (self.within.len() > 1 || !self.outside.is_empty()) && self.sample() == Sample::Empty
    }

    /// A shortest word of the region, or why there is none.
    #[must_use]
    pub fn sample(&self) -> Sample {
        let globs: Vec<(&Glob, Reading)> = self
            .within
            .iter()
            .enumerate()
            .map(|(index, glob)| (glob, if index == 0 { Reading::Anchor } else { Reading::May }))
            .chain(self.outside.iter().map(|glob| (glob, Reading::Must)))
            .collect();
        if self.outside.iter().any(|glob| glob.is_everything() || self.within.contains(glob)) {
            return Sample::Empty;
        }
        let start: Vec<States> = globs.iter().map(|(glob, reading)| glob.start(*reading)).collect();
        let mut seen = HashSet::from([start.clone()]);
        // Each state, with the letter that led to it and the index of the state before.
        let mut found: Vec<Found> = vec![(None, start)];
        let mut queue = VecDeque::from([0]);
        while let Some(at) = queue.pop_front() {
            let Some(left) = STATES_LEFT.get().checked_sub(1) else { return Sample::TooComplex };
            STATES_LEFT.set(left);
            let states = found[at].1.clone();
            let wanted = globs
                .iter()
                .zip(&states)
                .enumerate()
                .all(|(index, ((glob, _), states))| glob.accepts(states) == (index < self.within.len()));
            if wanted {
                return Sample::Word(word(&found, at));
            }
            for letter in letters(&globs, &states) {
                let next: Vec<States> = globs
                    .iter()
                    .zip(&states)
                    .map(|((glob, reading), states)| glob.step(states, &letter, *reading))
                    .collect();
                if next[..self.within.len()].iter().any(Vec::is_empty) || !seen.insert(next.clone()) {
                    continue;
                }
                if found.len() >= MAX_STATES {
                    return Sample::TooComplex;
                }
                queue.push_back(found.len());
                found.push((Some((at, letter)), next));
            }
        }
        Sample::Empty
    }
}

fn word(found: &[Found], mut at: usize) -> Vec<Letter> {
    let mut word = Vec::new();
    while let Some((before, letter)) = &found[at].0 {
        word.push(letter.clone());
        at = *before;
    }
    word.reverse();
    word
}

/// The letters that can make a difference in these states: those that a pattern expects, and one that no pattern
/// expects.
fn letters(globs: &[(&Glob, Reading)], states: &[States]) -> Vec<Letter> {
    let awaited = |index: usize| states[index].iter().filter_map(move |state| globs[index].0.0.get(*state));
    let mut letters = Vec::new();
    let mut add = |letter: Letter| {
        if !letters.contains(&letter) {
            letters.push(letter);
        }
    };
    let mut open = false;
    for token in awaited(0) {
        match token {
            Token::Char(c) => add(Letter::Char(*c)),
            Token::Symbol(symbol) => add(Letter::Symbol(symbol.clone())),
            Token::Any | Token::AnyWithin | Token::Star | Token::Within => open = true,
        }
    }
    if open {
        let others = (1..globs.len()).flat_map(awaited);
        let chars: Vec<char> =
            others.filter_map(|token| if let Token::Char(c) = token { Some(*c) } else { None }).collect();
        // People may read the word, so it should consist of common letters where possible.
        let other =
            ('x'..='z').chain('a'..='w').chain('0'..='9').chain('\u{a1}'..=char::MAX).find(|c| !chars.contains(c));
        other.into_iter().chain(chars).chain([':', '/']).for_each(|c| add(Letter::Char(c)));
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cfn::text::pieces;

    fn glob(text: &str) -> Glob {
        Glob::pattern(&pieces(&serde_json::json!({ "Fn::Sub": text })).unwrap())
    }

    #[test]
    fn one_pattern_contains_another() {
        // The outer pattern, the inner one, and whether the outer one contains it.
        for (outer, inner, within) in [
            ("*", "", true),
            ("*", "a*b?", true),
            ("?*", "*", false),
            ("?*", "*?", true),
            ("a*", "ab*", true),
            ("ab*", "a*", false),
            ("a*c", "abc", true),
            ("*b*", "abc*", true),
            ("a?c", "a*c", false),
            ("a*?", "a?*", true),
            ("*a*a*", "*aa*", true),
            ("*aa*", "*a*a*", false),
            ("??", "?", false),
            ("*", "${A}", true),
            ("${A}", "${A}", true),
            ("${A}", "${B}", false),
            ("${A}", "a", false),
            ("?*", "${A}", false),
            ("arn:*", "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/alice", true),
            ("arn:${AWS::Partition}:iam::*:user/*", "arn:${AWS::Partition}:iam::${AWS::AccountId}:user/alice", true),
            ("arn:aws:iam::*", "arn:${AWS::Partition}:iam::1:user/alice", false),
            ("${A}*", "${A}/x", true),
            ("*/x", "${A}/x", true),
        ] {
            assert_eq!(glob(outer).contains(&glob(inner)), within, "{inner} within {outer}");
        }
    }

    #[test]
    fn patterns_without_a_common_text_are_disjoint() {
        for (a, b, disjoint) in [
            ("a*", "b*", true),
            ("a*", "*b", false),
            ("?", "??", true),
            ("${A}", "b", false),
            ("${A}", "${B}", false),
            ("${A}x", "${B}y", true),
            ("arn:${AWS::Partition}:s3:::a/*", "arn:${AWS::Partition}:s3:::b/*", true),
            ("arn:${AWS::Partition}:s3:::a/*", "arn:aws:s3:::b/*", true),
            ("arn:${AWS::Partition}:s3:::a/*", "arn:aws:s3:::a/b", false),
            ("arn:${A}:s3:::a/*", "arn:aws:s3:::b/*", false),
            ("user/${AWS::AccountId}", "user/a/b", true),
        ] {
            assert_eq!(glob(a).is_disjoint(&glob(b)), disjoint, "{a} and {b}");
            assert_eq!(glob(b).is_disjoint(&glob(a)), disjoint, "{b} and {a}");
        }
    }

    #[test]
    fn a_region_has_the_words_that_no_pattern_excludes() {
        let region = WordRegion::of(glob("iam:*")).without(&glob("iam:*User")).without(&glob("iam:Get*"));
        let Sample::Word(word) = region.sample() else { panic!("something is left") };
        assert_eq!(word, "iam:".chars().map(Letter::Char).collect::<Vec<_>>());
        assert_eq!(region.and(&glob("iam:Get?*")).sample(), Sample::Empty);
        assert_eq!(WordRegion::everything().without(&glob("?*")).without(&glob("")).sample(), Sample::Empty);
        let hostile = glob(&"*a".repeat(40));
        let other = glob(&("*a".to_owned() + &"?".repeat(60)));
        assert_eq!(WordRegion::of(other).without(&hostile).sample(), Sample::TooComplex);
    }
}
