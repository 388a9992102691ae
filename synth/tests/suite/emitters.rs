//! The emitters write every template so that all readers read the same values.

use std::cell::RefCell;

use crate::common::{Python, cases};
use proptest::{prelude::*, sample::select, test_runner::TestCaseError};
use serde_json::{Value as Json, json};
use serde_yaml::Value as Yaml;
use synth::cfn::{
    DeclaredType, HasArn, LogicalId, Part, Property, Pseudo, Template, Text, Value, json, read as reader,
    shape::Shape,
    template::{Parameter, ParameterType},
    yaml,
};

/// A generated value. Its references are numbers until there is a template with something to refer to.
#[derive(Debug, Clone)]
enum Draft {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Draft>),
    Map(Vec<(String, Draft)>),
    Sub(Vec<Piece>),
    Reference(Piece),
    Explained(String, Box<Draft>),
}

#[derive(Debug, Clone)]
enum Piece {
    Literal(String),
    Pseudo(Pseudo),
    Ref(usize),
    Arn(usize),
}

/// A resource with arbitrary properties.
struct Anything(Value);

impl Property for Anything {
    fn value(self) -> Option<Value> {
        Some(self.0)
    }
    fn shape() -> Shape {
        Shape::Any
    }
}

impl DeclaredType for Anything {
    const TYPE: &'static str = "Test::Any::Thing";
    const TAKES_TAGS: bool = false;
}

impl HasArn for Anything {}

/// Names, some of which YAML 1.1 does not read as text.
const NAMES: [&str; 8] = ["Topic", "Yes", "N", "Null", "On", "True", "E1", "X0x1F"];

impl Draft {
    fn finish(self, template: &mut Template) -> Value {
        match self {
            Self::Text(text) => Value::Text(text),
            Self::Integer(number) => Value::Integer(number),
            Self::Boolean(boolean) => Value::Boolean(boolean),
            Self::List(items) => Value::List(items.into_iter().map(|item| item.finish(template)).collect()),
            Self::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key, value.finish(template))).collect())
            }
            Self::Sub(pieces) => Value::Sub(pieces.into_iter().map(|piece| piece.finish(template)).collect()),
            Self::Reference(piece) => Value::from(Text::from(piece.finish(template))),
            Self::Explained(why, value) => Value::Explained(why.leak(), Box::new(value.finish(template))),
        }
    }
}

impl Piece {
    fn finish(self, template: &mut Template) -> Part {
        let mut handle = |index: usize| {
            let name = LogicalId::derived(NAMES[index].into()).unwrap();
            template.add(name, "", Anything(Value::Boolean(true)))
        };
        match self {
            Self::Literal(text) => text.into(),
            Self::Pseudo(pseudo) => pseudo.into(),
            Self::Ref(index) => handle(index).reference().into(),
            Self::Arn(index) => handle(index).arn().into(),
        }
    }
}

/// Texts with a special meaning in some version of YAML, or that look like one.
const PIECES: [&str; 96] = [
    "yes",
    "No",
    "ON",
    "off",
    "y",
    "N",
    "true",
    "False",
    "null",
    "~",
    "Null",
    "2012-10-17",
    "2001-12-14t21:59:43.10-05:00",
    "12:30",
    "12:30:45",
    "190:20:30.15",
    "0x1F",
    "0o14",
    "014",
    "1e3",
    "1_000",
    "+1",
    "-1",
    ".5",
    "5.",
    ".inf",
    "-.INF",
    ".nan",
    "0b101",
    "685.230_15e+03",
    "-",
    "- ",
    "--- ",
    "---",
    "...",
    "?",
    "? ",
    ":",
    ": ",
    " :",
    "a:",
    "::",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    " #",
    "# ",
    "&a",
    "*a",
    "!",
    "!!str ",
    "!Ref x",
    "!Sub",
    "|",
    "|-",
    ">",
    ">+",
    "'",
    "''",
    "\"",
    "\\",
    "\\n",
    "%",
    "%YAML 1.1",
    "@",
    "`",
    "=",
    "<<",
    "${",
    "${A}",
    "${!",
    "$",
    "\t",
    " ",
    "  ",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{a0}",
    "\u{0}",
    "\u{7f}",
    "\u{1b}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{1F511}",
    "\u{10FFFF}",
];

fn text() -> impl Strategy<Value = String> {
    let piece = || select(&PIECES[..]).prop_map(str::to_owned);
    prop_oneof![
        4 => piece(),
        4 => prop::collection::vec(prop_oneof![3 => piece(), 1 => "[a-z0-9日é]{1,3}"], 1..6).prop_map(|p| p.concat()),
        2 => "[0-9:.eExX_+-]{1,12}",
        2 => "[a-zA-Z][a-zA-Z0-9 ._/:()-]{0,20}",
        2 => any::<String>(),
        1 => Just(String::new()),
        // Longer than the limit on an implicit key (1,024 characters), and longer than a line that emitters fold (80).
        1 => ("[a-z '\"#:-]{1,9}", 1..400usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

fn reference() -> impl Strategy<Value = Piece> {
    let pseudo = select(&[Pseudo::AccountId, Pseudo::Partition, Pseudo::Region, Pseudo::StackName][..]);
    prop_oneof![
        pseudo.prop_map(Piece::Pseudo),
        (0..NAMES.len()).prop_map(Piece::Ref),
        (0..NAMES.len()).prop_map(Piece::Arn)
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let piece = || prop_oneof![text().prop_map(Piece::Literal), reference()];
    let leaf = prop_oneof![
        4 => text().prop_map(Draft::Text),
        1 => prop_oneof![any::<i64>(), -100..100i64].prop_map(Draft::Integer),
        1 => any::<bool>().prop_map(Draft::Boolean),
        1 => prop::collection::vec(piece(), 0..5).prop_map(Draft::Sub),
        1 => reference().prop_map(Draft::Reference),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..5).prop_map(Draft::List),
            3 => prop::collection::vec((text(), inner.clone()), 0..5).prop_map(|mut entries| {
                let mut seen = std::collections::HashSet::new();
                entries.retain(|(key, _)| seen.insert(key.clone()));
                Draft::Map(entries)
            }),
            2 => (text(), inner).prop_map(|(why, value)| Draft::Explained(why, Box::new(value))),
        ]
    })
}

thread_local! {
    static READERS: RefCell<[(&'static str, Python); 2]> = RefCell::new(
        ["plain", "cli"].map(|name| (name, Python::start("read.py", &[name]))),
    );
}

/// Checks that two values are equal and have the same order.
fn same(what: &str, read: &Json, meant: &Json, text: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(read.to_string(), meant.to_string(), "{} reads otherwise:\n{}", what, text);
    Ok(())
}

/// The value for a YAML 1.2 reader, which does not know CloudFormation's tags, like any editor.
fn yaml_1_2(read: Yaml) -> Json {
    match read {
        Yaml::Sequence(items) => items.into_iter().map(yaml_1_2).collect(),
        Yaml::Mapping(entries) => {
            let entry =
                |(key, value): (Yaml, Yaml)| (key.as_str().expect("a text for a key").to_owned(), yaml_1_2(value));
            Json::Object(entries.into_iter().map(entry).collect())
        }
        Yaml::Tagged(tagged) => {
            let name = tagged.tag.to_string().trim_start_matches('!').to_owned();
            let value = match yaml_1_2(tagged.value) {
                Json::String(text) if name == "GetAtt" => text.splitn(2, '.').map(Json::from).collect(),
                value => value,
            };
            let name = if name == "Ref" { name } else { format!("Fn::{name}") };
            Json::Object([(name, value)].into_iter().collect())
        }
        scalar => serde_json::to_value(scalar).expect("JSON has every scalar of YAML"),
    }
}

fn all_read_alike(value: &Value) -> Result<(), TestCaseError> {
    let meant = json::to_json(value);
    match serde_yaml::from_str(&yaml::emit(value)) {
        Ok(read) => same("YAML 1.2", &yaml_1_2(read), &meant, &yaml::emit(value))?,
        Err(e) => prop_assert!(false, "serde_yaml cannot read this: {}\n{}", e, yaml::emit(value)),
    }
    for (text, others) in [(yaml::emit(value), &["plain", "cli"][..]), (json::emit(value), &["cli"])] {
        match reader::read(&text) {
            Ok(read) => same("synth", &read, &meant, &text)?,
            Err(e) => prop_assert!(false, "synth cannot read this: {}\n{}", e, text),
        }
        READERS.with_borrow_mut(|readers| {
            let readers = readers.iter_mut().filter(|(name, _)| others.contains(name));
            readers.into_iter().try_for_each(|(name, python)| same(name, &python.ask(&text), &json!([meant]), &text))
        })?;
    }
    prop_assert_eq!(yaml::emit(value), yaml::emit(&value.clone()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300, 10_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everyone_reads_any_value_alike(draft in draft()) {
        all_read_alike(&draft.finish(&mut Template::new(String::new())))?;
    }

    /// Only texts, but more of them: as a key, as a value, as an item and as the whole document.
    #[test]
    fn everyone_reads_any_text_alike(texts in prop::collection::vec(text(), 1..20)) {
        let list = Value::List(texts.iter().cloned().map(Value::Text).collect());
        let mut map: Vec<_> = texts.iter().map(|text| (text.clone(), Value::Text(text.clone()))).collect();
        let mut seen = std::collections::HashSet::new();
        map.retain(|(key, _)| seen.insert(key.clone()));
        all_read_alike(&Value::Map(vec![("List".into(), list), ("Map".into(), Value::Map(map))]))?;
        all_read_alike(&Value::Text(texts[0].clone()))?;
    }

    /// A `Fn::Sub` gives its original pieces under CloudFormation's rule: `${X}` refers to X, and `${!X}` is the text
    /// `${X}`.
    #[test]
    fn a_sub_says_what_was_put_into_it(pieces in prop::collection::vec(prop_oneof![
        select(&["$", "{", "}", "!", "${", "${A}", "${!A}", "$${A}", "a"][..]).prop_map(|text| Piece::Literal(text.into())),
        reference(),
    ], 0..8)) {
        let mut template = Template::new(String::new());
        let parts: Vec<Part> = pieces.into_iter().map(|piece| piece.finish(&mut template)).collect();
        let mut meant = String::new();
        for part in &parts {
            match part {
                Part::Literal(text) => meant.push_str(text),
                Part::Ref(name) => meant += &format!("<{}>", name.as_str()),
                Part::GetAtt(attribute) => meant += &format!("<{}.{}>", attribute.of().as_str(), attribute.name()),
            }
        }
        let text = Value::sub_text(&parts);
        let mut said = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            said.push_str(before);
            rest = match (after.strip_prefix('!'), after.split_once('}')) {
                (Some(literal), _) => { said.push_str("${"); literal }
                (None, Some((name, after))) => { said += &format!("<{name}>"); after }
                (None, None) => { said.push_str("${"); after }
            };
        }
        prop_assert_eq!(said + rest, meant, "{}", text);
    }

    /// Sections have the order that reviewers expect, and empty sections are left out.
    #[test]
    fn sections_stand_in_order(parameters in 0..3usize, resources in prop::collection::vec(draft(), 0..3), outputs in 0..3usize) {
        let mut template = Template::new("About it".into());
        let name = |kind: &str, index: usize| LogicalId::derived(format!("{kind}{index}")).unwrap();
        let mut other = Template::new(String::new());
        let mut expected = vec!["AWSTemplateFormatVersion", "Description"];
        for index in 0..parameters {
            let parameter = Parameter { kind: ParameterType::String, description: "", allowed_pattern: "" };
            template.parameter(name("P", index), parameter);
        }
        let some = resources.len();
        for (index, draft) in resources.into_iter().enumerate() {
            template.add(name("R", index), "Why.", Anything(draft.finish(&mut other)));
        }
        for index in 0..outputs {
            template.output(name("O", index), "", Pseudo::Region);
        }
        expected.extend([("Parameters", parameters), ("Resources", some), ("Outputs", outputs)].iter().filter(|(_, n)| *n > 0).map(|(s, _)| *s));
        // A generated reference may lead to another template, and a generated key may look like an intrinsic function.
        if let Ok(value) = template.into_value() {
            let text = yaml::emit(&value);
            let top: Vec<_> = text.lines().filter(|l| l.starts_with(|c: char| c.is_ascii_alphabetic())).map(|l| l.split(':').next().unwrap()).collect();
            prop_assert_eq!(top, expected, "{}", text);
            all_read_alike(&value)?;
        }
    }

    /// Each reason is in the YAML once, on its own lines, directly above the value that it explains.
    #[test]
    fn each_reason_stands_once_right_above_its_thing(draft in draft()) {
        let mut reasons = Vec::new();
        let draft = with_marked_reasons(draft, None, &mut reasons);
        let text = yaml::emit(&draft.finish(&mut Template::new(String::new())));
        let lines: Vec<&str> = text.split('\n').collect();
        let mut after = 0;
        for (mark, thing) in &reasons {
            let at: Vec<_> = (0..lines.len()).filter(|index| lines[*index].contains(mark)).collect();
            prop_assert_eq!(at.len(), 1, "{} in\n{}", mark, text);
            prop_assert!(at[0] >= after, "{} is out of order in\n{}", mark, text);
            after = at[0];
            // The reason may begin on the line of a dash.
            let column = lines[after].find('#').unwrap();
            prop_assert!(lines[after][..column].chars().all(|c| c == ' ' || c == '-'), "{} in\n{}", mark, text);
            let below = lines[after + 1..].iter().find(|line| !line.trim_start().starts_with('#')).unwrap();
            prop_assert!(below.len() > column && below[..column].trim().is_empty(), "{} in\n{}", mark, text);
            match thing {
                Some(key) => prop_assert!(below[column..].starts_with(key.as_str()), "{} is not above {} in\n{}", mark, key, text),
                None => prop_assert!(below.trim() != "", "{} in\n{}", mark, text),
            }
        }
    }
}

/// Marks each reason, and gives each explained value a name by which the test finds it again.
fn with_marked_reasons(draft: Draft, thing: Option<String>, reasons: &mut Vec<(String, Option<String>)>) -> Draft {
    match draft {
        Draft::Explained(why, value) => {
            let mark = format!("<{}>", reasons.len());
            reasons.push((mark.clone(), thing.clone()));
            let value = with_marked_reasons(*value, thing, reasons);
            Draft::Explained(format!("{mark}{why}"), Box::new(value))
        }
        Draft::List(items) => {
            let item = |item| with_marked_reasons(item, Some("-".into()), reasons);
            Draft::List(items.into_iter().map(item).collect())
        }
        Draft::Map(entries) => {
            let entry = |(index, (_, value))| {
                let key = format!("Key{index}");
                (key.clone(), with_marked_reasons(value, Some(format!("{key}:")), reasons))
            };
            Draft::Map(entries.into_iter().enumerate().map(entry).collect())
        }
        other => other,
    }
}

#[test]
fn the_readers_can_tell_a_misreading() {
    READERS.with_borrow_mut(|readers| {
        for (_, python) in readers {
            assert_eq!(python.ask("a: on"), json!([{ "a": true }]), "YAML 1.1 it is");
            assert!(python.ask("a: 2012-10-17").is_string(), "a date is no JSON");
            assert!(python.ask("a: [").is_string());
        }
    });
}
