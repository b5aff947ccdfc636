//! No cyclic dependencies between files, so a reader can understand them one after the other.
//!
//! A `mod.rs` holds what the files of its folder share, so what a file takes from a folder that it is in does not
//! count. Paths are read from `use` lines, and from code where they begin with `crate::` or `super::`; what an
//! outer module re-exports leads to the file that defines it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::architecture::rust_files;

/// `["serve", "gate", "tls"]` for `src/serve/gate/tls.rs`.
type Module = Vec<String>;

/// A path of code, with whether it is re-exported.
struct Named {
    path: Vec<String>,
    is_public: bool,
}

fn modules() -> BTreeMap<Module, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&src).into_iter().filter_map(|file| {
        let inside = file.strip_prefix(&src).expect("inside src");
        let inside = inside.with_extension("");
        let parts = inside
            .iter()
            .map(|part| part.to_string_lossy().into_owned());
        let mut module: Module = parts.collect();
        if module.iter().any(|part| part == "tests") {
            return None;
        }
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        let text = fs::read_to_string(&file).expect("a readable file");
        let code = text.split("#[cfg(test)]\nmod tests {").next();
        let lines = code.unwrap_or_default().lines();
        let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
        Some((module, lines.collect::<Vec<_>>().join("\n")))
    });
    files.collect()
}

/// Every path of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str, before: &[String], found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let path = |text: &str| {
        let text = text.split(" as ").next().unwrap_or_default();
        let parts = text.split("::").map(str::trim);
        let parts = parts.filter(|part| !part.is_empty() && *part != "self");
        let parts = parts.map(str::to_owned);
        before.iter().cloned().chain(parts).collect::<Vec<_>>()
    };
    let Some((head, inside)) = tree.split_once('{') else {
        found.push(path(tree));
        return;
    };
    let head = path(head);
    let inside = inside.trim_end().trim_end_matches('}');
    let (mut depth, mut start) = (0, 0);
    for (place, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&inside[start..place], &head, found);
                start = place + 1;
            }
            _ => {}
        }
    }
    if !inside[start..].trim().is_empty() {
        expand(&inside[start..], &head, found);
    }
}

/// The paths that a file names.
fn named(text: &str) -> Vec<Named> {
    let mut all = Vec::new();
    let mut code = String::new();
    let mut rest = text;
    while let Some(place) = rest.find("use ") {
        let line = &rest[..place];
        let line = line[line.rfind('\n').map_or(0, |end| end + 1)..].trim();
        let end = rest[place..]
            .find(';')
            .map_or(rest.len(), |end| place + end);
        let is_statement = line.is_empty() || line == "pub" || line.starts_with("pub(");
        if is_statement {
            let mut paths = Vec::new();
            expand(&rest[place + 4..end], &[], &mut paths);
            let is_public = !line.is_empty();
            all.extend(paths.into_iter().map(|path| Named { path, is_public }));
        }
        let next = if is_statement { end } else { place + 4 };
        code += &rest[..if is_statement { place } else { next }];
        rest = &rest[next..];
    }
    code += rest;
    for begin in ["crate::", "super::"] {
        for (place, _) in code.match_indices(begin) {
            let is_path = |character: char| character.is_alphanumeric() || "_:".contains(character);
            if code[..place].ends_with("::") || code[..place].ends_with("in ") {
                continue;
            }
            let path = code[place..].split(|character| !is_path(character)).next();
            let path = path.unwrap_or_default().trim_end_matches(':').split("::");
            let path = path.map(str::to_owned).collect();
            all.push(Named {
                path,
                is_public: false,
            });
        }
    }
    all
}

/// The path from the crate's root; `None` for another crate's.
fn absolute(
    modules: &BTreeMap<Module, String>,
    module: &[String],
    path: &[String],
) -> Option<Vec<String>> {
    let first = path.first()?;
    let (mut base, mut rest) = (module.to_vec(), path);
    match first.as_str() {
        "crate" => return Some(path[1..].to_vec()),
        "super" => {
            while rest.first().is_some_and(|part| part == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        child => {
            let child = [module, &[child.to_owned()]].concat();
            modules.get(&child)?;
        }
    }
    Some([base, rest.to_vec()].concat())
}

/// The file that defines what a path names.
fn defining(modules: &BTreeMap<Module, String>, path: &[String]) -> Option<Module> {
    let module = (1..=path.len()).rev().map(|length| &path[..length]);
    let module = module
        .into_iter()
        .find(|part| modules.contains_key(*part))?;
    let Some(name) = path.get(module.len()) else {
        return Some(module.to_vec());
    };
    let exported = named(&modules[module])
        .into_iter()
        .find(|named| named.is_public && named.path.last() == Some(name));
    let exported = exported.and_then(|named| absolute(modules, module, &named.path));
    match exported {
        Some(other) if other != path => defining(modules, &other),
        _ => Some(module.to_vec()),
    }
}

type Graph = BTreeMap<Module, BTreeSet<Module>>;

fn graph() -> Graph {
    let modules = modules();
    let taken = |module: &Module| {
        let paths = named(&modules[module]).into_iter();
        let paths = paths.filter(|named| !named.is_public);
        let files =
            paths.filter_map(|named| defining(&modules, &absolute(&modules, module, &named.path)?));
        files.filter(|file| !module.starts_with(file)).collect()
    };
    modules
        .keys()
        .map(|module| (module.clone(), taken(module)))
        .collect()
}

/// A way from a file back to itself.
fn circle(graph: &Graph, start: &Module) -> Option<Vec<Module>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop() {
        for next in &graph[way.last().expect("it has a start")] {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push([way.clone(), vec![next.clone()]].concat());
            }
        }
    }
    None
}

#[test]
fn no_file_needs_one_that_needs_it() {
    let graph = graph();
    let circles = graph.keys().filter_map(|module| circle(&graph, module));
    let circles = circles.map(|way| {
        let names: Vec<String> = way.iter().map(|module| module.join("/")).collect();
        names.join(" -> ")
    });
    assert_eq!(circles.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn dependencies_between_files_are_found() {
    let graph = graph();
    let module = |path: &str| -> Module { path.split('/').map(str::to_owned).collect() };
    for (file, other) in [
        // By a `use` line, by a re-export, by a path in the code.
        ("serve/events", "serve/context"),
        ("app/settings", "serve/context"),
        ("app/mod", "app/sources"),
    ] {
        let file = file.trim_end_matches("/mod");
        let taken = &graph[&module(file)];
        assert!(taken.contains(&module(other)), "{file}: {taken:?}");
    }
}
