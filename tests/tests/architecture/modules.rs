//! The modules of a crate, and what the code of each names. Code that is compiled only for tests does not count.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Block, ImplItem, Item, ItemExternCrate, ItemImpl, ItemMacro, ItemMod, ItemTrait, ItemUse, Lit, Macro,
    Meta, Stmt, Token, TraitItem, UseTree, Visibility,
    ext::IdentExt,
    punctuated::Punctuated,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

/// The segments of a path, such as `crate`, `model` and `time`. The first is `::` for a path such as `::std::fs`.
type Segments = Vec<String>;

/// The modules of a crate by their names, such as `protocol::planner`. The name of lib.rs is empty.
pub(super) struct Modules(BTreeMap<String, Module>);

/// What the code of a module declares and names.
#[derive(Default)]
struct Module {
    /// The module whose file has the code. It is another one only for `mod name { … }`.
    file: String,
    /// The names of the items, without modules and imports.
    items: BTreeSet<String>,
    /// The paths that each name stands for in this module, because of a `use`.
    imports: BTreeMap<String, Vec<Segments>>,
    /// The paths in imports, other code, attributes and the tokens of macros.
    paths: BTreeSet<Segments>,
    /// Every word of the code.
    words: BTreeSet<String>,
    /// The names of the types that are not private.
    types: Vec<String>,
    /// The declarations of macros.
    macros: Vec<(String, TokenStream)>,
    /// The calls of macros.
    calls: Vec<(String, TokenStream)>,
    /// The forms that hide what the code imports.
    unclear: Vec<String>,
}

/// What a file names.
#[derive(Default)]
pub(super) struct Named {
    /// The other files of the crate that define what it names or pass it on.
    pub(super) files: BTreeSet<String>,
    /// The full paths, such as `std::fs::read` or `crate::model::time::Timestamp::now`.
    pub(super) paths: BTreeSet<Segments>,
}

impl Named {
    /// Whether one of the paths has these segments, such as `std::fs`.
    pub(super) fn has(&self, part: &str) -> bool {
        let part: Vec<&str> = part.split("::").collect();
        self.paths.iter().any(|path| path.windows(part.len()).any(|segments| segments == part))
    }
}

impl Modules {
    /// Reads the files of a crate: the name and the source of each module that has a file.
    pub(super) fn new<'s>(files: impl IntoIterator<Item = (&'s str, &'s str)>) -> Self {
        let (mut all, mut tests) = (Self(BTreeMap::new()), Vec::new());
        for (name, source) in files {
            let file = syn::parse_file(source).unwrap_or_else(|e| panic!("{name}: {e}"));
            all.add(name, name, file.items, &file.attrs, &mut tests);
        }
        // A file of tests, by a declaration such as `#[cfg(test)] mod tests;`.
        all.0.retain(|name, _| !tests.iter().any(|test| name == test || is_below(name, test)));
        all
    }

    fn add(&mut self, name: &str, file: &str, items: Vec<Item>, attributes: &[Attribute], tests: &mut Vec<String>) {
        if attributes.iter().any(is_test) {
            tests.push(name.to_owned());
        }
        let mut reader = Reader(Module { file: file.to_owned(), ..Module::default() });
        for attribute in attributes {
            reader.visit_attribute(attribute);
        }
        for mut item in items {
            if attributes_of(&item).iter().any(is_test) {
                if let Item::Mod(ItemMod { ident, content: None, .. }) = item {
                    tests.push(join(name, &ident.unraw().to_string()));
                }
                continue;
            }
            WithoutTests.visit_item_mut(&mut item);
            if name.is_empty() && !matches!(item, Item::Mod(ItemMod { content: None, .. })) {
                reader.unclear("lib.rs has more than the declarations of its modules", &item);
            }
            match item {
                Item::Mod(ItemMod { attrs, ident, content: Some((_, items)), .. }) => {
                    self.add(&join(name, &ident.unraw().to_string()), file, items, &attrs, tests);
                }
                item => reader.add(&item),
            }
        }
        self.0.insert(name.to_owned(), reader.0);
    }

    /// The names of the modules that have a file.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(name, module)| **name == module.file).map(|(name, _)| name.as_str())
    }

    /// What a file names.
    pub(super) fn named(&self, file: &str) -> Named {
        let mut named = Named::default();
        for (name, module) in self.0.iter().filter(|(_, module)| module.file == file) {
            for path in &module.paths {
                self.resolve(name, path, &mut Vec::new(), &mut named);
            }
        }
        named.files.retain(|other| other != file && !other.is_empty());
        named
    }

    /// Whether a file has this word in its code.
    pub(super) fn has_word(&self, file: &str, word: &str) -> bool {
        self.0.values().any(|module| module.file == file && module.words.contains(word))
    }

    /// The forms that hide what a file imports, so the other rules cannot see it.
    pub(super) fn unclear(&self) -> Vec<String> {
        let of = |module: &Module| {
            let file = if module.file.is_empty() { "lib" } else { &module.file };
            module.unclear.iter().map(|form| format!("{file}: {form}")).collect::<Vec<_>>()
        };
        self.0.values().flat_map(of).collect()
    }

    /// The types that are not private, with their files.
    pub(super) fn types(&self) -> Vec<(String, &str)> {
        let declaring = self.declaring_macros();
        let of = |module: &Module| {
            let calls = module.calls.iter().filter(|(name, _)| declaring.contains(name.as_str()));
            let declared: Vec<_> = calls.flat_map(|(_, tokens)| first_words(tokens.clone())).collect();
            module.types.iter().cloned().chain(declared).collect::<Vec<_>>()
        };
        self.0.values().flat_map(|module| of(module).into_iter().map(|name| (name, module.file.as_str()))).collect()
    }

    /// The macros that declare types with the names that their callers give.
    pub(super) fn declaring_macros(&self) -> BTreeSet<&str> {
        let macros: Vec<_> = self.0.values().flat_map(|module| &module.macros).collect();
        let mut declaring: BTreeSet<&str> = BTreeSet::new();
        loop {
            let passes_on = |tokens: &TokenStream| {
                let mut calls = Vec::new();
                calls_in(tokens.clone(), &mut calls);
                calls.iter().any(|(name, given)| declaring.contains(name.as_str()) && given.to_string().contains('$'))
            };
            let found = macros.iter().filter(|(_, tokens)| declares_variable(tokens.clone()) || passes_on(tokens));
            let found: BTreeSet<&str> = found.map(|(name, _)| name.as_str()).collect();
            if found == declaring {
                return declaring;
            }
            declaring = found;
        }
    }

    /// Finds what a path in a module stands for. `followed` has the imports that led here.
    fn resolve(&self, module: &str, path: &[String], followed: &mut Vec<(String, String)>, named: &mut Named) {
        let is_anchor = |segment: &&String| ["crate", "self", "super"].contains(&segment.as_str());
        let (anchors, rest) = path.split_at(path.iter().take_while(is_anchor).count());
        let place = anchors.iter().fold(module, |place, anchor| match anchor.as_str() {
            "crate" => "",
            "super" => place.rsplit_once("::").map_or("", |(parent, _)| parent),
            _ => place,
        });
        self.look_up(place, rest, !anchors.is_empty(), followed, named);
    }

    /// Finds the rest of a path in a module. A name can stand for several things: a module and a function, for example.
    fn look_up(
        &self,
        place: &str,
        rest: &[String],
        is_ours: bool,
        followed: &mut Vec<(String, String)>,
        named: &mut Named,
    ) {
        let Some(module) = self.0.get(place) else { return };
        let Some((name, further)) = rest.split_first() else {
            named.files.insert(module.file.clone());
            return;
        };
        let child = join(place, name);
        let is_child = self.0.contains_key(&child);
        if is_child {
            self.look_up(&child, further, true, followed, named);
        }
        let step = (place.to_owned(), name.clone());
        let imports = module.imports.get(name).filter(|_| !followed.contains(&step));
        for import in imports.into_iter().flatten() {
            named.files.insert(module.file.clone());
            followed.push(step.clone());
            self.resolve(place, &[import, further].concat(), followed, named);
            followed.pop();
        }
        let is_item = module.items.contains(name);
        // A name that is not declared in the module comes from a macro there, or from another crate.
        let is_unknown = !is_child && imports.is_none();
        if is_item || is_unknown && is_ours {
            named.files.insert(module.file.clone());
            let place = place.split("::").filter(|segment| !segment.is_empty());
            named.paths.insert(["crate"].into_iter().chain(place).map(str::to_owned).chain(rest.to_vec()).collect());
        } else if is_unknown {
            named.paths.insert(rest.to_vec());
        }
    }
}

/// Whether a module is inside of another one.
pub(super) fn is_below(module: &str, other: &str) -> bool {
    module.strip_prefix(other).is_some_and(|rest| rest.starts_with("::"))
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// Whether an attribute is `#[cfg(test)]`, or `#[cfg(all(test, …))]`.
fn is_test(attribute: &Attribute) -> bool {
    fn needs_test(condition: &Meta) -> bool {
        match condition {
            Meta::Path(path) => path.is_ident("test"),
            Meta::List(list) if list.path.is_ident("all") => list
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .is_ok_and(|conditions| conditions.iter().any(needs_test)),
            _ => false,
        }
    }
    attribute.path().is_ident("cfg") && attribute.parse_args().is_ok_and(|condition| needs_test(&condition))
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Removes the items that are compiled only for tests.
struct WithoutTests;

impl VisitMut for WithoutTests {
    fn visit_block_mut(&mut self, block: &mut Block) {
        let is_test = |item: &Item| attributes_of(item).iter().any(is_test);
        block.stmts.retain(|statement| !matches!(statement, Stmt::Item(item) if is_test(item)));
        visit_mut::visit_block_mut(self, block);
    }

    fn visit_item_impl_mut(&mut self, item: &mut ItemImpl) {
        item.items.retain(|item| {
            let (ImplItem::Const(syn::ImplItemConst { attrs, .. })
            | ImplItem::Fn(syn::ImplItemFn { attrs, .. })
            | ImplItem::Type(syn::ImplItemType { attrs, .. })
            | ImplItem::Macro(syn::ImplItemMacro { attrs, .. })) = item
            else {
                return true;
            };
            !attrs.iter().any(is_test)
        });
        visit_mut::visit_item_impl_mut(self, item);
    }

    fn visit_item_trait_mut(&mut self, item: &mut ItemTrait) {
        item.items.retain(|item| {
            let (TraitItem::Const(syn::TraitItemConst { attrs, .. })
            | TraitItem::Fn(syn::TraitItemFn { attrs, .. })
            | TraitItem::Type(syn::TraitItemType { attrs, .. })
            | TraitItem::Macro(syn::TraitItemMacro { attrs, .. })) = item
            else {
                return true;
            };
            !attrs.iter().any(is_test)
        });
        visit_mut::visit_item_trait_mut(self, item);
    }
}

/// Reads the items of a module.
struct Reader(Module);

impl Reader {
    fn add(&mut self, item: &Item) {
        let is_private = |visibility: &Visibility| match visibility {
            Visibility::Public(_) => false,
            Visibility::Restricted(restricted) => restricted.path.is_ident("self"),
            Visibility::Inherited => true,
        };
        let (ident, visibility) = match item {
            Item::Const(item) => (Some(&item.ident), None),
            Item::Enum(item) => (Some(&item.ident), Some(&item.vis)),
            Item::Fn(item) => (Some(&item.sig.ident), None),
            Item::Macro(item) => (item.ident.as_ref(), None),
            Item::Static(item) => (Some(&item.ident), None),
            Item::Struct(item) => (Some(&item.ident), Some(&item.vis)),
            Item::Trait(item) => (Some(&item.ident), Some(&item.vis)),
            Item::TraitAlias(item) => (Some(&item.ident), Some(&item.vis)),
            Item::Type(item) => (Some(&item.ident), Some(&item.vis)),
            Item::Union(item) => (Some(&item.ident), Some(&item.vis)),
            _ => (None, None),
        };
        let name = ident.map(|ident| ident.unraw().to_string());
        if let Some(name) = &name
            && visibility.is_some_and(|visibility| !is_private(visibility))
        {
            self.0.types.push(name.clone());
        }
        if let Item::Macro(item) = item {
            types_in(item.mac.tokens.clone(), &mut self.0.types);
            self.0.macros.extend(name.clone().map(|name| (name, item.mac.tokens.clone())));
        }
        self.0.items.extend(name);
        let tokens = item.to_token_stream();
        paths_in(tokens.clone(), false, &mut self.0.paths);
        calls_in(tokens.clone(), &mut self.0.calls);
        words_in(tokens, &mut self.0.words);
        self.visit_item(item);
    }

    fn unclear(&mut self, why: &str, code: &impl ToTokens) {
        let code = code.to_token_stream().to_string();
        self.0.unclear.push(format!("{why}: {}", code.chars().take(100).collect::<String>()));
    }

    fn import(&mut self, tree: &UseTree, before: &[String]) {
        let mut add = |segment: String, name: String| {
            // `use a::{self}` imports `a`.
            let path =
                if segment == "self" && !before.is_empty() { before.to_vec() } else { [before, &[segment]].concat() };
            let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
            self.0.paths.insert(path.clone());
            self.0.imports.entry(name).or_default().push(path);
        };
        match tree {
            UseTree::Path(path) => {
                self.import(&path.tree, &[before, &[path.ident.unraw().to_string()]].concat());
            }
            UseTree::Name(name) => add(name.ident.unraw().to_string(), name.ident.unraw().to_string()),
            UseTree::Rename(name) => add(name.ident.unraw().to_string(), name.rename.unraw().to_string()),
            UseTree::Glob(_) => self.0.unclear.push(format!("imports everything of {}", before.join("::"))),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree, before)),
        }
    }
}

impl Visit<'_> for Reader {
    /// An import. That of a function counts for the whole module.
    fn visit_item_use(&mut self, item: &ItemUse) {
        item.attrs.iter().for_each(|attribute| self.visit_attribute(attribute));
        let before: &[String] = if item.leading_colon.is_some() { &["::".to_owned()] } else { &[] };
        self.import(&item.tree, before);
    }

    fn visit_item_extern_crate(&mut self, item: &ItemExternCrate) {
        self.unclear("names a crate", item);
    }

    fn visit_item_mod(&mut self, item: &ItemMod) {
        if item.content.is_some() {
            self.unclear("has a module in a function", item);
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        let is = |name: &str| attribute.path().is_ident(name);
        let mut words = BTreeSet::new();
        if is("cfg_attr") {
            words_in(attribute.meta.to_token_stream(), &mut words);
        }
        if ["path", "macro_use", "macro_export"].into_iter().any(|name| is(name) || words.contains(name)) {
            self.unclear("has an attribute that moves names", attribute);
        }
    }

    /// A macro. The paths in its declaration must mean the same wherever it is called.
    fn visit_item_macro(&mut self, item: &ItemMacro) {
        let mut paths = BTreeSet::new();
        paths_in(item.mac.tokens.clone(), false, &mut paths);
        let is_relative = |path: &Segments| path[0] == "super" || path[0] == "self";
        if item.ident.is_some() && paths.iter().any(is_relative) {
            self.unclear("declares a macro with a relative path", item);
        }
        if item.ident.is_some() && has_variable_path(item.mac.tokens.clone()) {
            self.unclear("declares a macro with a path that its callers complete", item);
        }
        visit::visit_item_macro(self, item);
    }

    fn visit_macro(&mut self, call: &Macro) {
        if call.path.segments.last().is_some_and(|segment| segment.ident == "include") {
            self.unclear("includes code", call);
        }
        if imports_or_modules(call.tokens.clone()) {
            self.unclear("has an import or a module in a macro", call);
        }
    }
}

/// The tokens of one level.
struct Level(Vec<TokenTree>);

impl Level {
    fn of(tokens: TokenStream) -> Self {
        Self(tokens.into_iter().collect())
    }

    fn is(&self, at: Option<usize>, c: char) -> bool {
        at.and_then(|at| self.0.get(at)).is_some_and(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == c))
    }

    /// The two colons at this token.
    fn is_separator(&self, at: Option<usize>) -> bool {
        self.is(at, ':') && self.is(at.map(|at| at + 1), ':')
    }

    fn word(&self, at: usize) -> Option<String> {
        match self.0.get(at)? {
            TokenTree::Ident(ident) => Some(ident.unraw().to_string()),
            _ => None,
        }
    }

    fn group(&self, at: usize) -> Option<TokenStream> {
        match self.0.get(at)? {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        }
    }

    fn groups(&self) -> impl Iterator<Item = TokenStream> {
        (0..self.0.len()).filter_map(|at| self.group(at))
    }

    /// Whether the token is the brackets of an attribute.
    fn is_attribute(&self, at: usize) -> bool {
        let before = at.checked_sub(1);
        matches!(&self.0[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket)
            && (self.is(before, '#') || self.is(before, '!') && self.is(at.checked_sub(2), '#'))
    }
}

/// The paths in tokens, without those of imports. A name without `::` counts only as a macro.
fn paths_in(tokens: TokenStream, in_attribute: bool, paths: &mut BTreeSet<Segments>) {
    let level = Level::of(tokens);
    let mut at = 0;
    while at < level.0.len() {
        let start = at;
        at += 1;
        match &level.0[start] {
            TokenTree::Group(group) if level.is_attribute(start) => {
                let attribute = Level::of(group.stream());
                if attribute.word(0).is_none_or(|name| name != "doc") {
                    paths_in(group.stream(), true, paths);
                }
            }
            TokenTree::Group(group) => paths_in(group.stream(), in_attribute, paths),
            // Attributes name functions in strings, as in `#[serde(with = "crate::hex")]`.
            TokenTree::Literal(literal) if in_attribute => {
                if let Lit::Str(text) = Lit::new(literal.clone())
                    && let Ok(path) = text.parse_with(syn::Path::parse_mod_style)
                    && path.segments.len() > 1
                {
                    paths.insert(path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect());
                }
            }
            // `impl Trait + use<'_>` is not an import.
            TokenTree::Ident(ident) if ident == "use" && !level.is(Some(at), '<') => {
                while at < level.0.len() && !level.is(Some(at), ';') {
                    at += 1;
                }
            }
            TokenTree::Ident(ident) => {
                let is_anchor = ["crate", "self", "super", "Self"].into_iter().any(|anchor| ident == anchor);
                if !is_anchor && syn::parse2::<syn::Ident>(ident.to_token_stream()).is_err() {
                    continue; // a keyword
                }
                let mut path = vec![ident.unraw().to_string()];
                while level.is_separator(Some(at))
                    && let Some(segment) = level.word(at + 2)
                {
                    path.push(segment);
                    at += 3;
                }
                let is_variable = level.is(start.checked_sub(1), '$') && ident != "crate";
                let follows = level.is_separator(start.checked_sub(2));
                // After `<T as Trait>::` or `Vec::<T>::`.
                let is_rest = follows && level.is(start.checked_sub(3), '>');
                if is_variable || is_rest {
                    continue;
                }
                if follows {
                    path.insert(0, "::".to_owned());
                }
                if path.len() > 1 || level.is(Some(at), '!') && level.group(at + 1).is_some() {
                    paths.insert(path);
                }
            }
            _ => {}
        }
    }
}

/// The macros that tokens call, each with what it is given.
fn calls_in(tokens: TokenStream, calls: &mut Vec<(String, TokenStream)>) {
    let level = Level::of(tokens);
    for at in 0..level.0.len() {
        if let (Some(name), true, Some(given)) = (level.word(at), level.is(Some(at + 1), '!'), level.group(at + 2)) {
            calls.push((name, given));
        }
    }
    level.groups().for_each(|group| calls_in(group, calls));
}

fn words_in(tokens: TokenStream, words: &mut BTreeSet<String>) {
    let level = Level::of(tokens);
    words.extend((0..level.0.len()).filter_map(|at| level.word(at)));
    level.groups().for_each(|group| words_in(group, words));
}

/// Whether tokens declare an import, a module or a crate.
fn imports_or_modules(tokens: TokenStream) -> bool {
    let level = Level::of(tokens);
    let declares = |at: usize| match level.word(at)?.as_str() {
        "use" => Some(!level.is(Some(at + 1), '<')),
        "mod" => Some(level.word(at + 1).is_some() || level.is(Some(at + 1), '$')),
        "extern" => Some(level.word(at + 1)? == "crate"),
        _ => None,
    };
    (0..level.0.len()).any(|at| declares(at) == Some(true)) || level.groups().any(imports_or_modules)
}

/// Whether the tokens of a macro have a path such as `$crate::$name`.
fn has_variable_path(tokens: TokenStream) -> bool {
    let level = Level::of(tokens);
    let has = |at: usize| {
        let is_anchor = level.word(at).is_some_and(|word| ["crate", "self", "super"].contains(&word.as_str()));
        let mut end = at + 1;
        while level.is_separator(Some(end)) && level.word(end + 2).is_some() {
            end += 3;
        }
        is_anchor && level.is_separator(Some(end)) && level.is(Some(end + 2), '$')
    };
    (0..level.0.len()).any(has) || level.groups().any(has_variable_path)
}

fn is_kind_of_type(word: &str) -> bool {
    ["struct", "enum", "union", "trait", "type"].contains(&word)
}

/// Whether the tokens of a macro declare a type with a name that the caller gives, as in `struct $name`.
fn declares_variable(tokens: TokenStream) -> bool {
    let level = Level::of(tokens);
    let declares = |at| level.word(at).is_some_and(|word| is_kind_of_type(&word)) && level.is(Some(at + 1), '$');
    (0..level.0.len()).any(declares) || level.groups().any(declares_variable)
}

/// The types that the tokens of a macro declare and that are not private, as in `pub(super) struct Name`.
fn types_in(tokens: TokenStream, types: &mut Vec<String>) {
    let level = Level::of(tokens);
    for at in (0..level.0.len()).filter(|at| level.word(*at).is_some_and(|word| word == "pub")) {
        let kind = if level.group(at + 1).is_some() { at + 2 } else { at + 1 };
        if level.word(kind).is_some_and(|word| is_kind_of_type(&word)) {
            types.extend(level.word(kind + 1));
        }
    }
    level.groups().for_each(|group| types_in(group, types));
}

/// The first word of a macro's tokens and the first one after each `{ … }`, without attributes: the names of the types
/// that the macro declares. See `no_two_public_types_share_a_name`.
fn first_words(tokens: TokenStream) -> Vec<String> {
    let level = Level::of(tokens);
    let (mut found, mut is_start) = (Vec::new(), true);
    for at in 0..level.0.len() {
        match &level.0[at] {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {}
            TokenTree::Group(_) if level.is_attribute(at) => {}
            TokenTree::Ident(ident) if is_start => {
                found.push(ident.unraw().to_string());
                is_start = false;
            }
            TokenTree::Group(group) => is_start = group.delimiter() == Delimiter::Brace,
            _ => is_start = false,
        }
    }
    found
}
