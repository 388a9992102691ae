//! Where in a YAML text a value is.
//!
//! The reader tells places only in its errors. So the text is read once more, by a visitor that walks to the value
//! and then refuses it: the error says where it was. Slow, but only ever done for a value that is wrong.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A place in a text; lines and columns count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl Place {
    /// The beginning of the text.
    pub const START: Self = Self { line: 1, column: 1 };
}

/// One step on the way from the whole text to a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// To the key itself.
    Key(&'a str),
    /// To the value of a key.
    Value(&'a str),
    /// To an item of a list.
    Item(usize),
}

/// The place of the value at the end of `path`; the beginning where there is no such value.
pub(super) fn locate(text: &str, path: &[Step<'_>]) -> Place {
    if path.is_empty() {
        return Place::START;
    }
    match Walk(path).deserialize(serde_yaml::Deserializer::from_str(text)) {
        Ok(()) => Place::START,
        Err(e) => e.location().map_or(Place::START, |at| Place { line: at.line(), column: at.column() }),
    }
}

#[derive(Clone, Copy)]
struct Walk<'p>(&'p [Step<'p>]);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Refuses a scalar where the path ends, passes over it elsewhere.
macro_rules! refuse_scalars {
    ($($method:ident: $type:ty),+ $(,)?) => {
        $(fn $method<E: de::Error>(self, _: $type) -> Result<(), E> {
            self.arrive()
        })+
    };
}

impl Walk<'_> {
    fn arrive<E: de::Error>(self) -> Result<(), E> {
        if self.0.is_empty() { Err(E::custom("here")) } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    refuse_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.arrive()
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.arrive()?;
        let (first, rest) = (self.0[0], &self.0[1..]);
        // A key that is looked for is refused where it stands; the value of one is walked into.
        let wanted = if let Step::Key(key) = first { Some(key) } else { None };
        while let Some(key) = map.next_key_seed(Key(wanted))? {
            match first {
                Step::Value(value) if value == key => map.next_value_seed(Walk(rest))?,
                _ => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.arrive()?;
        let (first, rest) = (self.0[0], &self.0[1..]);
        for index in 0.. {
            let more = match first {
                Step::Item(item) if item == index => seq.next_element_seed(Walk(rest))?.is_some(),
                _ => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a key as text, unless it is the one that is looked for.
struct Key<'k>(Option<&'k str>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        if self.0 == Some(key) { Err(E::custom("here")) } else { Ok(key.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\none: 1\nlist:\n  - a\n  -   b\n  - {x: [7, \"日本\"]}\nflag: yes\nempty:\n";

    #[test]
    fn every_value_is_found() {
        use Step::{Item, Key, Value};
        for (path, line, column) in [
            (&[Value("one")][..], 2, 6),
            (&[Key("list")], 3, 1),
            (&[Value("list"), Item(0)], 4, 5),
            (&[Value("list"), Item(1)], 5, 7),
            (&[Value("list"), Item(2)], 6, 5),
            (&[Value("list"), Item(2), Value("x"), Item(1)], 6, 13),
            (&[Value("flag")], 7, 7),
            (&[Key("empty")], 8, 1),
            (&[Value("nowhere")], 1, 1),
            (&[Value("list"), Item(9)], 1, 1),
        ] {
            assert_eq!(locate(TEXT, path), Place { line, column }, "{path:?}");
        }
    }
}
